/** What single steps cost between threads: a claim, a bell, a mark, a look at the partition table, a message in a queue. */

import { Bell } from '../../../src/ring/bell.ts'
import { slotAfter } from '../../../src/ring/cursor.ts'
import { ByteQueue } from '../../../src/ring/queue.ts'
import { Ring } from '../../../src/ring/ring.ts'
import { Verdict } from '../../../src/ring/slot.ts'
import { PartitionTable } from '../../../src/ring/table.ts'
import { type Case, measure, type Result } from './measure.ts'

const operations = 1000

/** Claims and publishes; what follows in the broker is done for all of the round at once. */
function claimCase(): Case {
  const ring = new Ring(Ring.create({ dataBytes: 2 ** 20, slots: 4096 }))
  const round = (): void => {
    for (let count = 0; count < operations; count++) ring.publish(ring.claim(100, 0))
    const end = ring.claimed()
    for (let slot = ring.stamped(); slot !== end; slot = slotAfter(slot)) {
      ring.setVerdict(slot, Verdict.refused)
      ring.markAnswered(slot)
    }
    ring.setStamped(end)
    ring.setWritten(end)
    ring.setReadable(end)
    ring.retire(end)
  }
  return { name: 'claim, publish, refuse and retire', operations, round }
}

function times(name: string, step: (count: number) => unknown): Case {
  const round = (): void => {
    for (let count = 0; count < operations; count++) step(count)
  }
  return { name, operations, round }
}

function queueCase(length: number): Case {
  const memory = ByteQueue.create(2 ** 20)
  const producer = new ByteQueue(memory)
  const consumer = new ByteQueue(memory)
  const message = [Buffer.alloc(32), Buffer.alloc(length - 32)]
  return times(`push and pop a message of ${length} B`, () => {
    producer.tryPush(message)
    consumer.pop()
  })
}

export async function run({ isTiny }: { isTiny: boolean }): Promise<Result[]> {
  const bell = new Bell(Bell.create(65_536))
  const table = new PartitionTable(PartitionTable.create(65_536))
  const cases = [
    claimCase(),
    times('ring a bell that nobody sleeps on', () => bell.ring()),
    times('mark a partition', (count) => bell.mark(count * 61)),
    times('drain 65,536 partitions of which one moved', (count) => {
      bell.mark(count)
      bell.drain(() => {})
    }),
    times('move a high watermark', (count) => table.setHighWatermark(count & 63, count)),
    times('read a high watermark', (count) => table.highWatermark(count & 63)),
    times('add and take interest', (count) => {
      table.addInterest(count & 63, 3)
      table.takeInterest(count & 63)
    }),
    queueCase(100),
    queueCase(4096),
  ]
  return measure(cases, { isTiny })
}
