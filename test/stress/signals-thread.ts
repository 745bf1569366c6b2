/** The other side of the queue's and the bell's stress tests: a producer of messages, or one who marks partitions. */

import { parentPort, workerData } from 'node:worker_threads'
import { seededRandom } from '../../src/base/random.ts'
import { runAgent } from '../../src/ring/agent-loop.ts'
import { Bell } from '../../src/ring/bell.ts'
import { ByteQueue } from '../../src/ring/queue.ts'
import { message, type SignalsTask } from './signals-task.ts'

const task: SignalsTask = workerData
const random = seededRandom(task.seed)
const holder = setInterval(() => {}, 60_000)
const ownBell = new Bell(task.ownBell)
const peerBell = new Bell(task.peerBell)
const agent = task.kind === 'produce' ? producer(new ByteQueue(task.memory)) : marker(new Int32Array(task.memory))
const loop = runAgent(agent, ownBell, (thrown) => finish(String(thrown)))

function finish(outcome: string): void {
  loop.stop()
  clearInterval(holder)
  parentPort?.postMessage(outcome)
}

/** Sends messages 0, 1, 2 …; sleeps where the queue is full. */
function producer(queue: ByteQueue): { doWork(): number } {
  let next = 0
  const doWork = (): number => {
    let pushed = 0
    while (next < task.count && pushed < 50 && queue.tryPush([message(next)])) {
      next++
      pushed++
    }
    const isFlushed = queue.flush()
    peerBell.ring()
    if (next === task.count && isFlushed) finish('')
    return pushed
  }
  return { doWork }
}

/** Counts up a partition's word, then marks it: whoever takes the mark must see at least that count. */
function marker(counts: Int32Array): { doWork(): number } {
  let marked = 0
  const doWork = (): number => {
    for (let step = 0; step < 200 && marked < task.count; step++, marked++) {
      const partition = random.below(10) === 0 ? random.below(counts.length) : random.below(40)
      Atomics.add(counts, partition, 1)
      peerBell.mark(partition)
      if (random.below(3) === 0) peerBell.ring()
    }
    peerBell.ring()
    if (marked === task.count) finish('')
    return 1
  }
  return { doWork }
}
