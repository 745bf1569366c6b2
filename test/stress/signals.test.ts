/** Real threads on a queue and on a bell: every message once, in order and whole; every mark taken; nobody sleeps for ever. */

import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemRandom } from '../../src/base/random.ts'
import { runAgent } from '../../src/ring/agent-loop.ts'
import { Bell } from '../../src/ring/bell.ts'
import { ByteQueue } from '../../src/ring/queue.ts'
import { message, type SignalsTask } from './signals-task.ts'

const seed = Number(process.env.SEED ?? systemRandom.below(2 ** 31))
const budgetMs = Number(process.env.SAFKA_TEST_BUDGET_MS ?? 1000)
/** Work for a little less than the budget on a quiet machine. */
const messages = budgetMs * 40
const marks = budgetMs * 300
const stallMs = 10_000

/** Runs an agent here against threads elsewhere, until `isDone`. */
async function runAgainst(
  tasks: readonly SignalsTask[],
  agent: { doWork(): number },
  isDone: () => boolean,
): Promise<void> {
  const [task] = tasks
  assert.ok(task)
  const workers = tasks.map((workerData) => {
    return new Worker(new URL('./signals-thread.ts', import.meta.url), { workerData })
  })
  let failure = ''
  const endings = workers.map((worker) => {
    return new Promise<void>((resolve) => {
      worker.once('message', (outcome: string) => {
        failure ||= outcome
        resolve()
      })
      worker.once('error', (error) => {
        failure ||= String(error)
        resolve()
      })
    })
  })
  const loop = runAgent(agent, new Bell(task.peerBell), (thrown) => {
    failure ||= String(thrown)
  })
  const start = performance.now()
  await Promise.race([Promise.all(endings), sleep(budgetMs * 10 + stallMs)])
  while (failure === '' && !isDone() && performance.now() - start < budgetMs * 10 + stallMs) await pause()
  loop.stop()
  await Promise.all(workers.map((worker) => worker.terminate()))
  assert.is(failure, '', `seed ${seed}`)
  assert.ok(isDone(), `seed ${seed}: stalled`)
}

/** Unlike a sleeping agent, this keeps the process alive: the threads may be gone before the last of their work is seen. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5))
}

function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs).unref()
  })
}

test('a queue delivers every message once, in order and whole', async () => {
  const memory = ByteQueue.create(8192)
  const [ownBell, peerBell] = [Bell.create(1), Bell.create(1)]
  const queue = new ByteQueue(memory)
  const producerBell = new Bell(ownBell)
  let next = 0
  const doWork = (): number => {
    let popped = 0
    for (let bytes = queue.pop(); bytes !== undefined; bytes = queue.pop()) {
      if (!bytes.equals(message(next))) throw new Error(`message ${next} is another`)
      next++
      popped++
    }
    if (queue.takeRoomInterest()) producerBell.ring()
    return popped
  }
  const task: SignalsTask = { kind: 'produce', seed, count: messages, memory, ownBell, peerBell }
  await runAgainst([task], { doWork }, () => next === messages)
  console.log(`seed ${seed}: ${next} messages`)
})

test('a bell hands over every mark of two threads', async () => {
  const partitions = 5000
  const memory = new SharedArrayBuffer(partitions * 4)
  const counts = new Int32Array(memory)
  const peerBell = Bell.create(partitions)
  const bell = new Bell(peerBell)
  const seen = new Int32Array(partitions)
  let taken = 0
  const doWork = (): number =>
    bell.drain((partition) => {
      taken++
      seen[partition] = Atomics.load(counts, partition)
    })
  const tasks = [seed, seed + 1].map((own): SignalsTask => {
    return { kind: 'mark', seed: own, count: marks, memory, ownBell: Bell.create(1), peerBell }
  })
  await runAgainst(tasks, { doWork }, () => counts.every((count, partition) => count === seen[partition]))
  console.log(`seed ${seed}: ${taken} of ${2 * marks} marks were taken one by one`)
})

test.run()
