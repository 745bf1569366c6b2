/** Profiles a broker under load: `npm run profile -- [produce|fetch|end-to-end] [--tool doctor|flame|bubbleprof|threads]`. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBrokerProcess } from './broker-process.ts'
import { projectRoot, runCommand } from './project.ts'

const usage = `usage: npm run profile -- [produce|fetch|end-to-end] [--tool TOOL] [--seconds N] [-- broker flags]
  --tool threads     one .cpuprofile a thread, for any V8 profile viewer (the default)
  --tool doctor, flame, bubbleprof
                     clinic's tools; they see the main thread, so the broker runs all its agents there (--owners 0)
  --seconds N        how long the load lasts (10)`

const tools = ['threads', 'doctor', 'flame', 'bubbleprof']
const loads = ['produce', 'fetch', 'end-to-end']
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
    const broker = await startBrokerProcess({
      launcher: launcherOf(options.tool, folder),
      flags: ['--host', '127.0.0.1', '--port', '0', '--data', data, ...flagsOf(options)],
      startTimeoutMs,
    })
    const address = `${broker.host}:${broker.port}`
    const load = [options.load, '--broker', address, '--seconds', options.seconds]
    const code = await runCommand(process.execPath, ['bench/load/main.ts', ...load])
    // Profiles are written when the broker ends; clinic itself takes only this signal for an end of the collection.
    await broker.stop('SIGINT')
    console.log(`profiles are in ${folder}`)
    return code
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

function launcherOf(tool: string, folder: string): string[] {
  if (tool === 'threads') return [process.execPath, '--cpu-prof', `--cpu-prof-dir=${folder}`]
  return ['clinic', tool, '--open=false', '--dest', folder, '--', 'node']
}

function flagsOf({ tool, brokerFlags }: Options): string[] {
  return tool === 'threads' ? brokerFlags : [...brokerFlags, '--owners', '0']
}

process.exitCode = await main(process.argv.slice(2))
