/** A broker in a child process of its own, as `safka start` runs it, for tests that kill it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { projectRoot } from '../../scripts/project.ts'

/** How a process ended. */
export type Ending = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** A broker process; `port` is 0 until it answers. */
export type BrokerChild = {
  readonly child: ChildProcess
  readonly port: number
  readonly address: string
  readonly pid: number
  /** What it said on standard error so far. */
  errors(): string
  readonly ended: Promise<Ending>
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Ending>
}

export type BrokerChildOptions = {
  readonly directory: string
  readonly flags?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** 0: any. */
  readonly port?: number
}

const main = join(projectRoot, 'src/cli/main.ts')
/** Ticks of 100 ms that a start may take. Ticks, not time: a machine that stood still in between proves nothing. */
const startTicksMax = 200
const running = new Set<ChildProcess>()

/** Starts one without waiting for it to answer. */
export function spawnBroker({ directory, flags = [], environment = {}, port = 0 }: BrokerChildOptions) {
  const own = ['--host', '127.0.0.1', '--port', String(port), '--data', directory]
  return spawnNode([main, 'start', ...own, ...flags], environment)
}

/** Starts Node on a script, and gathers what it says. */
export function spawnNode(argv: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, argv, {
    cwd: projectRoot,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const said = { output: '', errors: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    said.output += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    said.errors += chunk.toString()
  })
  const ended = new Promise<Ending>((resolve) =>
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve({ code, signal })
    }),
  )
  return { child, said, ended }
}

/** Starts one and waits until it answers. Rejects with what it said where it does not. */
export function startBrokerChild(options: BrokerChildOptions): Promise<BrokerChild> {
  const { child, said, ended } = spawnBroker(options)
  return new Promise((resolve, reject) => {
    let ticks = 0
    const timer = setInterval(() => {
      if (++ticks < startTicksMax) return
      clearInterval(timer)
      child.kill('SIGKILL')
      reject(new Error(`the broker did not answer within ${startTicksMax} ticks: ${said.errors}`))
    }, 100)
    ended.then(({ code, signal }) => {
      clearInterval(timer)
      reject(new Error(`the broker ended with ${code ?? signal}: ${said.errors}`))
    })
    child.stdout.on('data', () => {
      const port = Number(/answers on \S+:(\d+)/.exec(said.output)?.[1] ?? 0)
      if (port === 0) return
      clearInterval(timer)
      resolve({
        child,
        port,
        address: `127.0.0.1:${port}`,
        pid: child.pid ?? 0,
        errors: () => said.errors,
        ended,
        end(signal) {
          child.kill(signal)
          return ended
        },
      })
    })
  })
}

/** Kills what a failed test has left behind. */
export function killLeftBrokers(): void {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
}
