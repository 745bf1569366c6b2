/** Starts the owner and front threads, or, in collapsed mode, the same agents in the caller's thread, and watches them. */

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { Clock } from '../base/clock.ts'
import { messageOf, SafkaError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { DiskSpec, Topology } from '../base/topology.ts'
import type { Disk } from '../log/disk.ts'
import type { runAgent } from '../ring/agent-loop.ts'
import { exposeCalls, remoteCalls } from './remote-calls.ts'
import type { FrontControl, FrontSettings, MainControl, OwnerControl } from './remotes.ts'

/** The agents of a broker, wherever they run. */
export type Agents = {
  readonly owners: readonly OwnerControl[]
  readonly fronts: readonly FrontControl[]
  /** Ends what is left of them; they were asked to stop before. */
  terminate(): Promise<void>
}

/** What agents are made from. */
export type AgentsOptions = {
  readonly topology: Topology
  readonly fronts: readonly FrontSettings[]
  readonly main: MainControl
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Called when a thread, or an agent, has died: the broker cannot go on. */
  readonly onDeath: (reason: SafkaError) => void
  /** What a simulation puts in place of the system's disks and of the event loop; agents of the caller's thread only. */
  readonly openDisk?: (spec: DiskSpec) => Disk
  readonly runAgent?: typeof runAgent
}

/** Sources run as they are (.ts), the published package as JavaScript: workers have the ending of this very file. */
const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js'

/** One thread an agent. */
export function spawnThreads(options: AgentsOptions): Agents {
  const workers: Worker[] = []
  const ports: MessagePort[] = []
  let isTerminating = false
  const spawn = <Control>(entry: 'owner' | 'front', name: string, start: object): Control => {
    const calls = new MessageChannel()
    const main = new MessageChannel()
    exposeCalls(options.main, main.port1)
    const worker = new Worker(new URL(`../../workers/${entry}${ending}`, import.meta.url), {
      name,
      workerData: { start, calls: calls.port2, main: main.port2 },
      transferList: [calls.port2, main.port2],
    })
    worker.on('error', (thrown) => {
      if (isTerminating) return
      options.onDeath(
        new SafkaError('SAFKA_THREAD_DIED', `thread ${name} died: ${messageOf(thrown)}`, { cause: thrown }),
      )
    })
    worker.on('exit', (code) => {
      if (isTerminating) return
      options.onDeath(new SafkaError('SAFKA_THREAD_DIED', `thread ${name} ended by itself with exit code ${code}`))
    })
    workers.push(worker)
    ports.push(calls.port1, main.port1)
    const control: unknown = remoteCalls<object>(calls.port1)
    return control as Control
  }
  return {
    owners: options.topology.ownerBells.map((_, owner) =>
      spawn<OwnerControl>('owner', `owner-${owner}`, { topology: options.topology, owner }),
    ),
    fronts: options.fronts.map((settings, front) =>
      spawn<FrontControl>('front', `front-${front}`, { topology: options.topology, settings }),
    ),
    async terminate() {
      isTerminating = true
      for (const port of ports) port.close()
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}

/** The module that composes agents in the caller's thread; loaded only then, so that main stays small in the other mode. */
export type CollapsedModule = { createCollapsedAgents(options: AgentsOptions): Agents }

/** All agents in the caller's thread. */
export async function collapseThreads(options: AgentsOptions): Promise<Agents> {
  const url = new URL(`../../workers/collapsed${ending}`, import.meta.url)
  const module: CollapsedModule = await import(url.href)
  return module.createCollapsedAgents(options)
}
