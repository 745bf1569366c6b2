/** Counters: one thread counts, any thread reads. */

import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Counters, countersMax } from '../../src/metrics/counters.ts'

const names = ['requests', 'bytesIn', 'connections'] as const

test('counters start at 0, add up, and are seen by every view', () => {
  const memory = Counters.create(names)
  const counters = new Counters(memory, names)
  const other = new Counters(memory, names)
  assert.is(counters.get('requests'), 0)
  counters.add('requests')
  counters.add('requests', 2)
  counters.addAt(counters.indexOf('bytesIn'), 1_000_000)
  counters.set('connections', 5)
  counters.set('connections', 4)
  assert.equal(other.entries(), [
    ['requests', 3],
    ['bytesIn', 1_000_000],
    ['connections', 4],
  ])
})

test('a counter goes past 2^32 and up to 2^53 exactly', () => {
  const counters = new Counters(Counters.create(names), names)
  counters.add('bytesIn', 2 ** 53 - 2)
  counters.add('bytesIn')
  assert.is(counters.get('bytesIn'), 2 ** 53 - 1)
})

test('a new view of the writing thread goes on where the last one was', () => {
  const memory = Counters.create(names)
  new Counters(memory, names).add('requests', 7)
  const counters = new Counters(memory, names)
  counters.add('requests')
  assert.is(counters.get('requests'), 8)
})

test('an empty set is fine; other names, two of a name, or too many are bugs', () => {
  assert.equal(new Counters(Counters.create([]), []).entries(), [])
  assert.throws(() => new Counters(Counters.create(['one', 'two']), ['one']), /other names/)
  assert.throws(() => new Counters(Counters.create(['one', 'one']), ['one', 'one']), /same name/)
  assert.throws(() => Counters.create(new Array<string>(countersMax + 1).fill('one')), /too many/)
})

test('another thread sees what this one counts', async () => {
  const memory = Counters.create(names)
  new Counters(memory, names).add('requests', 42)
  const script = `
    import { parentPort, workerData } from 'node:worker_threads'
    import { Counters } from '${new URL('../../src/metrics/counters.ts', import.meta.url)}'
    parentPort.postMessage(new Counters(workerData, ${JSON.stringify(names)}).get('requests'))
  `
  const url = new URL(`data:text/javascript,${encodeURIComponent(script)}`)
  const worker = new Worker(url, { workerData: memory })
  const seen = await new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  await worker.terminate()
  assert.is(seen, 42)
})

test.run()
