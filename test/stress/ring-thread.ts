/** A thread of the ring's stress test: a writer, the owner or a reader, run as the broker runs its agents. */

import { parentPort, workerData } from 'node:worker_threads'
import { runAgent } from '../../src/ring/agent-loop.ts'
import { Bell } from '../../src/ring/bell.ts'
import { StressOwner } from './ring-owner.ts'
import { StressReader } from './ring-reader.ts'
import { control, type StressThread, type StressWorld } from './ring-world.ts'
import { StressWriter } from './ring-writer.ts'

const world: StressWorld = workerData.world
const thread: StressThread = workerData.thread
const words = new Int32Array(world.control)

const agent = makeAgent()
const bell = new Bell(thread.role === 'owner' ? world.ownerBell : (world.bells[thread.index] ?? world.ownerBell))
// Holds the thread until the test is over: a wait does not.
const holder = setInterval(() => {}, 60_000)

function makeAgent(): { doWork(): number; isDone(): boolean; report(): Record<string, number> } {
  if (thread.role === 'owner') return new StressOwner(world)
  if (thread.role === 'writer') return new StressWriter(world, thread.index)
  return new StressReader(world, thread.index)
}

let isReported = false
const loop = runAgent(
  {
    doWork() {
      const work = agent.doWork()
      if (work > 0) Atomics.add(words, control.progress, 1)
      if (!isReported && agent.isDone()) finish('done', agent.report())
      return work
    },
  },
  bell,
  (thrown) => finish('failed', thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)),
)

function finish(kind: 'done' | 'failed', detail: unknown): void {
  isReported = true
  parentPort?.postMessage({ kind, role: thread.role, index: thread.index, detail })
  loop.stop()
  clearInterval(holder)
}
