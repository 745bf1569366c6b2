/** The entry point of an owner thread: an OwnerAgent, its bell, and the door for control calls. */

import { flushCompileCache } from 'node:module'
import { type MessagePort, workerData } from 'node:worker_threads'
import { assertDefined } from '../src/base/assert.ts'
import { systemClock } from '../src/base/clock.ts'
import { settleAfterStart } from '../src/base/garbage.ts'
import { systemRandom } from '../src/base/random.ts'
import { exposeCalls, remoteCalls } from '../src/broker/remote-calls.ts'
import { remoteLogger } from '../src/broker/remote-logger.ts'
import type { MainControl, OwnerStart } from '../src/broker/remotes.ts'
import { OwnerAgent } from '../src/partition/owner.ts'
import { runAgent } from '../src/ring/agent-loop.ts'
import { Bell } from '../src/ring/bell.ts'

const { start, calls, main }: { start: OwnerStart; calls: MessagePort; main: MessagePort } = workerData
const agent = new OwnerAgent({
  topology: start.topology,
  owner: start.owner,
  clock: systemClock,
  random: systemRandom,
  logger: remoteLogger(remoteCalls<MainControl>(main)),
})
exposeCalls(agent, calls)
const bell = new Bell(assertDefined(start.topology.ownerBells[start.owner], 'an owner has a bell'))
runAgent(agent, bell, (thrown) => {
  // Out of the loop's promise: an uncaught exception ends the thread, and main the process, with the reason.
  setImmediate(() => {
    throw thrown
  })
})
// A thread that is terminated would keep what it compiled to itself.
setImmediate(flushCompileCache)
settleAfterStart(systemClock)
