/** The entry point of a front thread: a FrontAgent, its bell, and the door for control calls. */

import { flushCompileCache } from 'node:module'
import { type MessagePort, workerData } from 'node:worker_threads'
import { assertDefined } from '../src/base/assert.ts'
import { systemClock } from '../src/base/clock.ts'
import { settleAfterStart } from '../src/base/garbage.ts'
import { systemRandom } from '../src/base/random.ts'
import { exposeCalls, remoteCalls } from '../src/broker/remote-calls.ts'
import { remoteLogger } from '../src/broker/remote-logger.ts'
import type { FrontStart, MainControl } from '../src/broker/remotes.ts'
import { FrontAgent } from '../src/front/front.ts'
import { runAgent } from '../src/ring/agent-loop.ts'
import { Bell } from '../src/ring/bell.ts'

const { start, calls, main }: { start: FrontStart; calls: MessagePort; main: MessagePort } = workerData
const mainCalls = remoteCalls<MainControl>(main)
const agent = new FrontAgent({
  topology: start.topology,
  settings: start.settings,
  main: mainCalls,
  clock: systemClock,
  random: systemRandom,
  logger: remoteLogger(mainCalls),
})
exposeCalls(agent, calls)
const bell = new Bell(assertDefined(start.topology.writerBells[start.settings.writer], 'a front has a bell'))
runAgent(agent, bell, (thrown) => {
  // Out of the loop's promise: an uncaught exception ends the thread, and main the process, with the reason.
  setImmediate(() => {
    throw thrown
  })
})
// A thread that is terminated would keep what it compiled to itself.
setImmediate(flushCompileCache)
settleAfterStart(systemClock)
