/**
 * `npm run mutants [-- PART…]`: plants each defect into a copy of the sources and shows that the simulation, or a stress test,
 * catches it. Without PARTs of names it writes what it found to test/simulation/MUTANTS.md.
 */

import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Mutant, mutants, plant } from '../test/simulation/mutants.ts'
import { projectRoot } from './project.ts'

/** A defect that takes longer is not caught. */
const seedsMax = 1_000
/** Of processor time, so that a busy machine does not decide. */
const secondsMax = 60
const stressMs = 20_000
/** A run that hangs is ended. */
const timeoutMs = 900_000
const jobs = 2
const tablePath = join(projectRoot, 'test/simulation/MUTANTS.md')

type Verdict = { readonly mutant: Mutant; readonly isCaught: boolean; readonly by: string; readonly after: string }

async function main(parts: readonly string[]): Promise<number> {
  const chosen = mutants.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)))
  const copies = Array.from({ length: jobs }, makeCopy)
  const verdicts = new Map<string, Verdict>()
  try {
    const waiting = [...chosen]
    const work = async (copy: string): Promise<void> => {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const verdict = await judge(copy, mutant)
        verdicts.set(mutant.name, verdict)
        console.log(`${verdict.isCaught ? 'caught' : 'MISSED'}  ${mutant.name}: ${verdict.by} (${verdict.after})`)
      }
    }
    await Promise.all(copies.map(work))
  } finally {
    for (const copy of copies) rmSync(copy, { recursive: true, force: true })
  }
  const inOrder = chosen.flatMap(({ name }) => verdicts.get(name) ?? [])
  const missed = inOrder.filter(({ isCaught }) => !isCaught).length
  if (parts.length === 0) writeFileSync(tablePath, table(inOrder))
  console.log(`${inOrder.length - missed} of ${inOrder.length} planted defects were caught`)
  return missed === 0 ? 0 : 1
}

/** The sources in a folder of their own. */
function makeCopy(): string {
  const copy = mkdtempSync(join(tmpdir(), 'safka-mutants-'))
  for (const folder of ['src', 'workers', 'test', 'scripts']) {
    cpSync(join(projectRoot, folder), join(copy, folder), { recursive: true })
  }
  cpSync(join(projectRoot, 'package.json'), join(copy, 'package.json'))
  symlinkSync(join(projectRoot, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

async function judge(copy: string, mutant: Mutant): Promise<Verdict> {
  const path = join(copy, mutant.file)
  const source = readFileSync(path, 'utf8')
  writeFileSync(path, plant(source, mutant))
  try {
    return mutant.tool === 'simulation' ? await simulate(copy, mutant) : await stress(copy, mutant)
  } finally {
    writeFileSync(path, source)
  }
}

async function simulate(copy: string, mutant: Mutant): Promise<Verdict> {
  const limits = ['--seeds', String(seedsMax), '--seconds', String(secondsMax)]
  const { code, output } = await run(copy, ['test/simulation/main.ts', '--stop', ...limits])
  const seed = /^seed (\d+)/m.exec(output)?.[1]
  const seconds = [...output.matchAll(/([\d.]+) s of processor time/g)].at(-1)?.[1] ?? '?'
  const after = `${seed ?? '?'} seeds, ${seconds} s`
  // The line behind the one that says which seed; a broker that dies takes the whole run with it.
  const reason = /^seed .*\n(.*)$/m.exec(output)?.[1] ?? firstError(output)
  return { mutant, isCaught: code !== 0, by: code === 0 ? 'nothing' : shortened(reason), after }
}

async function stress(copy: string, mutant: Mutant): Promise<Verdict> {
  const startMs = performance.now()
  const { code, output } = await run(copy, [mutant.tool], { SAFKA_TEST_BUDGET_MS: String(stressMs) })
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0)
  const reason = /^ +((?:Expected|Actual|seed).*)$/m.exec(output)?.[1] ?? firstError(output)
  return {
    mutant,
    isCaught: code !== 0,
    by: code === 0 ? 'nothing' : `${mutant.tool}: ${shortened(reason)}`,
    after: `${seconds} s`,
  }
}

function firstError(output: string): string {
  return /^.*Error.*$/m.exec(output)?.[0] ?? output.trim().split('\n')[0] ?? ''
}

function shortened(text: string): string {
  const plain = text.trim().replaceAll('|', '/')
  return plain.length <= 110 ? plain : `${plain.slice(0, 109)}…`
}

function run(copy: string, args: readonly string[], environment = {}): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: copy,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', ...environment },
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    let output = ''
    const keep = (chunk: Buffer): void => {
      output += chunk.toString()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

function table(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(
    ({ mutant, isCaught, by, after }) =>
      `| ${mutant.name} | ${mutant.file.replace('src/', '')} | ${isCaught ? by : '**not caught**'} | ${after} |`,
  )
  return [
    '# Planted defects',
    '',
    'Written by `npm run mutants`: each defect of `mutants.ts` was planted into a copy of the sources, alone, and the simulation was',
    `run from seed 1 on, for at most ${seedsMax.toLocaleString('en')} seeds or ${secondsMax} s of processor time, until it failed; the last one is for the ring's stress test.`,
    '',
    '| defect | in | caught by | after |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

process.exitCode = await main(process.argv.slice(2))
