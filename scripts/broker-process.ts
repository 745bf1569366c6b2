/** Runs a broker in a process of its own, for the demo, profiles and load. */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { environment, projectRoot } from './project.ts'

/** A broker that answers. */
export type BrokerProcess = {
  readonly host: string
  readonly port: number
  readonly pid: number
  /** Milliseconds from the spawn to the line that says where it answers. */
  readonly startMs: number
  /** The last of what it said on standard error. */
  errors(): string
  /** Resolves with its exit code when it has ended, asked or not. */
  readonly ended: Promise<number>
  /** Asks the broker to stop; resolves with its exit code. */
  stop(signal?: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<number>
}

/** How to start one. */
export type BrokerProcessOptions = {
  /** Flags of `safka start`. */
  readonly flags: readonly string[]
  /** What to run instead of plain Node: a command and its arguments, before the script. */
  readonly launcher?: readonly string[]
  readonly startTimeoutMs?: number
  /** Runs the sources even where a build lies beside them: what tests want. */
  readonly fromSources?: boolean
}

const built = join(projectRoot, 'dist/src/cli/main.js')
const sources = join(projectRoot, 'src/cli/main.ts')

/** Starts the built broker, or the sources where nothing was built. Rejects with what it said when it does not start. */
export function startBrokerProcess({
  flags,
  launcher = [process.execPath],
  startTimeoutMs = 20_000,
  fromSources = false,
}: BrokerProcessOptions): Promise<BrokerProcess> {
  const spawnedMs = performance.now()
  const [command = process.execPath, ...before] = launcher
  // A group of its own: a profiler starts the broker as its child, and signals must reach that.
  const child = spawn(command, [...before, existsSync(built) && !fromSources ? built : sources, 'start', ...flags], {
    cwd: projectRoot,
    env: { ...environment(), NO_INSIGHT: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const killChild = (): void => signalGroup(child, 'SIGKILL')
  process.once('exit', killChild)
  const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)))
  ended.then(() => process.off('exit', killChild))

  return new Promise((resolve, reject) => {
    let output = ''
    let errors = ''
    const timer = setTimeout(() => {
      killChild()
      reject(new Error(`the broker did not answer within ${startTimeoutMs / 1000} s: ${errors}${output}`))
    }, startTimeoutMs)
    ended.then((code) => reject(new Error(`the broker ended with exit code ${code}: ${errors.trim()}`)))
    child.once('error', reject)
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-10_000)
    })
    child.stdout.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-10_000)
      const [, host, port] = /answers on (\S+):(\d+)/.exec(output) ?? []
      if (host === undefined || port === undefined || child.pid === undefined) return
      clearTimeout(timer)
      const stop = (signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL' = 'SIGTERM'): Promise<number> => {
        signalGroup(child, signal)
        return ended
      }
      const startMs = performance.now() - spawnedMs
      resolve({ host, port: Number(port), pid: child.pid, startMs, errors: () => errors, ended, stop })
    })
  })
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // It has ended already.
  }
}
