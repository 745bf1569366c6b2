/** Runs the test files, two at a time, each in a process of its own, and ends with one line of totals. */

import { type ChildProcess, spawn } from 'node:child_process'
import { relative } from 'node:path'
import { filesBelow, projectRoot } from './project.ts'

const usage = `usage: npm test -- [--long] [part of a path …]
  --long   lets property and stress tests run far longer, and lifts the time limit of a file`

/** Files that run at once. */
const jobsMax = 2
/** How long one file may take before it is killed and counts as failed. */
const fileTimeoutMs = 60_000
const fileTimeoutLongMs = 60 * 60_000
/** What a property or stress test may spend with --long (it chooses a small figure of its own without). */
const budgetLongMs = 60_000
/** How much of a file's output is kept, so that one that prints for ever does not fill memory. */
const outputBytesMax = 4 * 1024 * 1024

type FileResult = {
  readonly path: string
  readonly passed: number
  readonly failed: number
  readonly elapsedMs: number
  /** Why the file failed; '' where it did not. */
  readonly reason: string
  readonly output: string
}

const running = new Set<ChildProcess>()

async function main(argv: readonly string[]): Promise<number> {
  const isLong = argv.includes('--long')
  const parts = argv.filter((argument) => !argument.startsWith('-'))
  const unknown = argv.find((argument) => argument.startsWith('-') && argument !== '--long')
  if (unknown !== undefined) {
    console.error(usage)
    return unknown === '--help' ? 0 : 2
  }

  const paths = testFiles(parts)
  if (paths.length === 0) {
    console.error(`no test file matches ${parts.join(' ')}`)
    console.log('0 passed, 1 failed')
    return 1
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopAll(signal))

  const results = await runAll(paths, isLong)
  report(results)
  return results.some((result) => result.failed > 0) ? 1 : 0
}

function testFiles(parts: readonly string[]): string[] {
  return filesBelow('test', '.test.ts')
    .filter((path) => !path.startsWith('test/golden/'))
    .filter((path) => parts.length === 0 || parts.some((part) => path.includes(part.replace(/^\.\//, ''))))
}

async function runAll(paths: readonly string[], isLong: boolean): Promise<FileResult[]> {
  const waiting = [...paths]
  const results: FileResult[] = []
  const worker = async (): Promise<void> => {
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      const result = await runFile(path, isLong)
      results.push(result)
      printResult(result)
    }
  }
  await Promise.all(Array.from({ length: Math.min(jobsMax, paths.length) }, worker))
  return results
}

function runFile(path: string, isLong: boolean): Promise<FileResult> {
  const startMs = performance.now()
  const budget = isLong ? { SAFKA_TEST_BUDGET_MS: process.env.SAFKA_TEST_BUDGET_MS ?? String(budgetLongMs) } : {}
  const timeoutMs = isLong ? fileTimeoutLongMs : fileTimeoutMs
  return new Promise((resolve) => {
    // A group of its own, so that a file that hangs is killed together with what it started.
    const child = spawn(process.execPath, [path], {
      cwd: projectRoot,
      env: { ...process.env, ...budget, NO_COLOR: '1', FORCE_COLOR: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    running.add(child)
    let output = ''
    const keep = (chunk: Buffer): void => {
      if (output.length < outputBytesMax) output += chunk.toString()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    let isTimedOut = false
    const timer = setTimeout(() => {
      isTimedOut = true
      killGroup(child)
    }, timeoutMs)

    const finish = (ending: string): void => {
      clearTimeout(timer)
      killGroup(child)
      running.delete(child)
      const elapsedMs = performance.now() - startMs
      resolve(judge({ path, output, elapsedMs, ending: isTimedOut ? `killed after ${timeoutMs / 1000} s` : ending }))
    }
    child.on('error', (error) => finish(`did not start: ${error.message}`))
    child.on('close', (code, signal) => finish(code === 0 ? '' : `ended with ${signal ?? `exit code ${code}`}`))
  })
}

/** Reads uvu's totals; a file that ended badly, or ran nothing, counts as one failure at least. */
function judge(run: { path: string; output: string; elapsedMs: number; ending: string }): FileResult {
  const total = lastNumber(run.output, /^ {2}Total: +(\d+)$/gm)
  const passed = lastNumber(run.output, /^ {2}Passed: +(\d+)$/gm) ?? 0
  const { path, output, elapsedMs, ending } = run
  if (total === undefined) {
    return {
      path,
      passed: 0,
      failed: 1,
      elapsedMs,
      output,
      reason: ending || 'printed no totals: does it end with test.run()?',
    }
  }
  const failed = Math.max(total - passed, ending === '' ? 0 : 1)
  if (total === 0) return { path, passed, failed: 1, elapsedMs, output, reason: 'ran no test' }
  return { path, passed, failed, elapsedMs, output, reason: failed > 0 ? ending || 'failed' : '' }
}

function lastNumber(text: string, pattern: RegExp): number | undefined {
  const last = [...text.matchAll(pattern)].at(-1)?.[1]
  return last === undefined ? undefined : Number(last)
}

function printResult(result: FileResult): void {
  const seconds = (result.elapsedMs / 1000).toFixed(1).padStart(6)
  if (result.failed === 0) {
    console.log(`ok    ${seconds} s  ${result.path}  (${result.passed})`)
    return
  }
  console.log(
    `FAIL  ${seconds} s  ${result.path}  (${result.passed} passed, ${result.failed} failed: ${result.reason})`,
  )
  console.log(result.output.replace(/^/gm, '      | '))
}

function report(results: readonly FileResult[]): void {
  const slowest = [...results].sort((a, b) => b.elapsedMs - a.elapsedMs).slice(0, 10)
  console.log('\nslowest files:')
  for (const result of slowest) {
    console.log(`  ${(result.elapsedMs / 1000).toFixed(1).padStart(6)} s  ${relative('test', result.path)}`)
  }
  const broken = results.filter((result) => result.failed > 0)
  if (broken.length > 0) {
    console.log('\nfailed files:')
    for (const result of broken) console.log(`  ${result.path}: ${result.reason}`)
  }
  const passed = results.reduce((sum, result) => sum + result.passed, 0)
  const failed = results.reduce((sum, result) => sum + result.failed, 0)
  console.log(`\n${passed} passed, ${failed} failed`)
}

function stopAll(signal: NodeJS.Signals): void {
  for (const child of running) killGroup(child)
  process.exit(signal === 'SIGINT' ? 130 : 143)
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // Everything in the group has ended already.
  }
}

process.exitCode = await main(process.argv.slice(2))
