/**
 * Goal: a reader in one thread never sees a wrong byte of what an owner in another thread writes and gives up again. Method: a
 * worker appends to a memory disk that is far too small, so that segments go all the time, while this thread reads at random.
 */

import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import { LogReader } from '../../src/log/local/reader.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { batchBaseOffset, batchCrc, computeBatchCrc, eachBatch } from '../../src/wire/record-batch.ts'
import { propertyBudget } from './log-fixture.ts'

/** Words that the writer keeps: the log start, the end of what may be read, segment changes, and whether to stop. */
const Word = { START: 0, END: 1, GENERATION: 2, STOP: 3 } as const

const writerSource = `
  import { workerData, parentPort } from 'node:worker_threads'
  const { MemoryDisk } = await import(workerData.disk)
  const { openLog, batchAt } = await import(workerData.fixture)
  const words = new Int32Array(workerData.words)
  const { engine } = openLog(new MemoryDisk(workerData.memory))
  let offset = 0
  while (Atomics.load(words, 3) === 0) {
    engine.submit([batchAt(offset, { valueBytes: (offset * 131) % 9000 })])
    offset = engine.poll().writtenEnd
    Atomics.store(words, 2, engine.segmentsVersion)
    Atomics.store(words, 0, engine.startOffset)
    Atomics.store(words, 1, offset)
  }
  parentPort.postMessage(engine.failure?.message ?? '')
`

type Tally = { found: number; vanished: number }

/** Reads at random once, and checks every byte that comes back. */
async function look(reader: LogReader, words: Int32Array, below: (end: number) => number, tally: Tally): Promise<void> {
  const generation = Atomics.load(words, Word.GENERATION)
  const startOffset = Atomics.load(words, Word.START)
  const endOffset = Atomics.load(words, Word.END)
  if (endOffset === startOffset) return
  const offset = startOffset + below(endOffset - startOffset)
  const bytes = await reader.read({ offset, bytesMax: below(200_000), endOffset, generation })
  if (bytes === undefined) {
    // The writer drops segments first, and says so a little later: on a busy machine some time slices later.
    const patientMs = performance.now() + 5000
    while (Atomics.load(words, Word.START) <= offset && performance.now() < patientMs) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.ok(Atomics.load(words, Word.START) > offset, `offset ${offset} was not found while it was there`)
    tally.vanished++
    return
  }
  let next = offset
  const whole = eachBatch(bytes, (at) => {
    assert.is(batchBaseOffset(bytes, at), next++)
    assert.is(batchCrc(bytes, at), computeBatchCrc(bytes, at))
  })
  assert.is(whole, bytes.length)
  assert.ok(next <= endOffset)
  tally.found++
}

test('what a reader gets is whole and right while another thread appends and drops', async () => {
  const { budgetMs, seed } = propertyBudget()
  const memory = MemoryDisk.create(2 << 20)
  const words = new Int32Array(new SharedArrayBuffer(16))
  const url = new URL(`data:text/javascript,${encodeURIComponent(writerSource)}`)
  const disk = new URL('../../src/log/memory-disk.ts', import.meta.url).href
  const fixture = new URL('./log-fixture.ts', import.meta.url).href
  const worker = new Worker(url, { workerData: { memory, words: words.buffer, disk, fixture } })
  const ended = new Promise<unknown>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  const reader = new LogReader({ disk: new MemoryDisk(memory), directory: 'orders-3' })
  const random = seededRandom(seed)
  const tally: Tally = { found: 0, vanished: 0 }
  const endMs = performance.now() + budgetMs
  while (performance.now() < endMs) {
    await look(reader, words, random.below, tally)
    if ((tally.found & 63) === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  Atomics.store(words, Word.STOP, 1)
  assert.is(await ended, '')
  const appended = Atomics.load(words, Word.END)
  console.log(`seed ${seed}: ${appended} appended, ${tally.found} reads, ${tally.vanished} came too late`)
  assert.ok(tally.found > 100)
  assert.ok(Atomics.load(words, Word.START) > 100, 'segments went')
})

test.run()
