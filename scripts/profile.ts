/** Profiles a broker under load: `npm run profile -- [produce|fetch|end-to-end] [--tool doctor|flame|bubbleprof|threads]`. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment, projectRoot, runCommand } from './project.ts'

const usage = `usage: npm run profile -- [produce|fetch|end-to-end] [--tool TOOL] [--seconds N] [-- broker flags]
  --tool threads     one .cpuprofile a thread, for any V8 profile viewer (the default)
  --tool doctor, flame, bubbleprof
                     clinic's tools; they see the main thread, so the broker runs all its agents there (--owners 0)
  --seconds N        how long the load lasts (10)`

const tools = ['threads', 'doctor', 'flame', 'bubbleprof']
const loads = ['produce', 'fetch', 'end-to-end']
const port = 9464
const startTimeoutMs = 20_000

type Options = { load: string; tool: string; seconds: string; brokerFlags: string[] }

function parse(argv: readonly string[]): Options | undefined {
  const split = argv.indexOf('--')
  const own = split === -1 ? [...argv] : argv.slice(0, split)
  const options: Options = {
    load: 'produce',
    tool: 'threads',
    seconds: '10',
    brokerFlags: split === -1 ? [] : argv.slice(split + 1),
  }
  for (let argument = own.shift(); argument !== undefined; argument = own.shift()) {
    if (argument === '--tool') options.tool = own.shift() ?? ''
    else if (argument === '--seconds') options.seconds = own.shift() ?? ''
    else if (loads.includes(argument)) options.load = argument
    else return undefined
  }
  return tools.includes(options.tool) && Number(options.seconds) > 0 ? options : undefined
}

async function main(argv: readonly string[]): Promise<number> {
  const options = parse(argv)
  if (options === undefined) {
    console.error(usage)
    return 2
  }
  const folder = join(projectRoot, '.clinic', `${options.load}-${options.tool}-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  const data = mkdtempSync(join(tmpdir(), 'safka-profile-'))
  try {
    const broker = startBroker(options, folder, data)
    const ended = new Promise<void>((resolve) => broker.once('close', () => resolve()))
    await listening(broker)
    const seconds = ['--seconds', options.seconds]
    const code = await runCommand(process.execPath, [
      'bench/load/main.ts',
      options.load,
      '--broker',
      `127.0.0.1:${port}`,
      ...seconds,
    ])
    // The whole group: clinic starts the broker as a child of its own, and writes its files when that has ended.
    if (broker.pid !== undefined) process.kill(-broker.pid, 'SIGINT')
    await ended
    console.log(`profiles are in ${folder}`)
    return code
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

function startBroker(options: Options, folder: string, data: string): ChildProcess {
  const flags = ['start', '--host', '127.0.0.1', '--port', String(port), '--data', data, ...options.brokerFlags]
  const main = join(projectRoot, 'dist/src/cli/main.js')
  const command =
    options.tool === 'threads'
      ? [process.execPath, '--cpu-prof', `--cpu-prof-dir=${folder}`, main, ...flags]
      : ['clinic', options.tool, '--open=false', '--dest', folder, '--', 'node', main, ...flags, '--owners', '0']
  return spawn(command[0] ?? '', command.slice(1), {
    cwd: projectRoot,
    env: { ...environment(), NO_INSIGHT: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
}

/** Resolves with the broker's line that says where it listens. */
function listening(broker: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the broker did not start in time')), startTimeoutMs)
    broker.once('close', (code) => reject(new Error(`the broker ended with exit code ${code}`)))
    broker.stdout?.on('data', (chunk: Buffer) => {
      process.stdout.write(chunk)
      if (!chunk.includes(String(port))) return
      clearTimeout(timer)
      resolve()
    })
  })
}

process.exitCode = await main(process.argv.slice(2))
