/** Dropped rings: when their memory is collected, and that it goes back to the system. */

import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { collectLaterMs, droppedBytesMax, RingReclaim } from '../../src/ring/reclaim.ts'
import { Ring } from '../../src/ring/ring.ts'

function ringOf(dataBytes: number): Ring {
  return new Ring(Ring.create({ dataBytes }))
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('much dropped memory is collected in the next turn, less of it after a while, a little never', async () => {
  const clock = new VirtualClock()
  let collections = 0
  const reclaim = new RingReclaim(clock, () => void collections++)
  reclaim.dropped(undefined)
  reclaim.dropped(ringOf(droppedBytesMax))
  await turn()
  assert.is(collections, 1)
  reclaim.dropped(ringOf(4 * 1024 * 1024))
  await turn()
  assert.is(collections, 1)
  clock.advance(collectLaterMs)
  await turn()
  assert.is(collections, 2)
  reclaim.dropped(ringOf(64 * 1024))
  clock.advance(10 * collectLaterMs)
  await turn()
  assert.is(collections, 2)
})

test('rings that are used and dropped one after the other leave no memory behind', async () => {
  const reclaim = new RingReclaim(new VirtualClock())
  const entry = Buffer.alloc(1024 * 1024, 7)
  const churn = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      const ring = ringOf(4 * 1024 * 1024)
      for (let part = 0; part < 4; part++) ring.append(entry, 0, entry.length, 0)
      reclaim.dropped(ring)
      if (index % 4 === 0) await turn()
    }
  }
  await churn(20)
  const before = process.memoryUsage.rss()
  await churn(100)
  const grownMegabytes = (process.memoryUsage.rss() - before) / 1e6
  // 400 MB were written.
  assert.ok(grownMegabytes < 80, `resident memory grew by ${grownMegabytes.toFixed(0)} MB`)
})

test('threads that collect at the same time do not disturb each other', async () => {
  for (let round = 0; round < 3; round++) {
    const ends = Array.from({ length: 6 }, () => {
      const worker = new Worker(new URL('./reclaim-thread.ts', import.meta.url))
      return new Promise((resolve, reject) => {
        worker.once('error', reject)
        worker.once('exit', resolve)
      })
    })
    assert.equal(await Promise.all(ends), [0, 0, 0, 0, 0, 0])
  }
})

test.run()
