/** Cleaning a log leaves each key's latest value, byte for byte, whatever else was written: against a model, and rule by rule. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../../src/base/random.ts'
import type { Disk } from '../../../src/log/disk.ts'
import type { Engine } from '../../../src/log/engine.ts'
import { MemoryDisk } from '../../../src/log/memory-disk.ts'
import { batchLastOffset, readRecords } from '../../../src/wire/record-batch.ts'
import { openLog, propertyBudget, readerOf, startMs } from '../log-fixture.ts'
import { cleanOnce, consumeCommitted, RandomLog, readBatches, tableOf } from './cleaning-fixture.ts'

const text = (record: object): string => JSON.stringify(record)

async function checkRun(seed: number): Promise<number> {
  const random = seededRandom(seed)
  const disk = new MemoryDisk(MemoryDisk.create(16 << 20))
  const settings = {
    isCompacted: true,
    isDeleted: false,
    segmentBytes: 600 + random.below(3000),
    indexIntervalBytes: 200,
    deleteRetentionMs: 1 + random.below(5000),
    dirtyRatioMin: 0,
  }
  const { engine } = openLog(disk, settings)
  const log = new RandomLog(random, 3 + random.below(40))
  let nowMs = startMs
  let cleanedEnd = 0
  let cleanings = 0
  for (let round = 0; round < 8; round++) {
    for (let batches = random.below(60); batches > 0; batches--) log.write(engine, nowMs)
    if (random.below(3) === 0) log.settle(engine, nowMs)
    engine.maintain(nowMs)
    nowMs += random.below(4000)
    const stableEnd = log.stableEnd(engine)
    const keyBytesMax = random.below(3) === 0 ? 24 * (8 + random.below(30)) : 1 << 20
    const question = { cleanedEnd, stableEnd, nowMs, producers: log.producers }
    const before = await readBatches(disk, engine)
    const untouchedFrom = Math.min(
      stableEnd,
      engine.dirtyLog({ ...question, producers: () => new Map() })?.plan.laterBases[0] ?? 0,
    )
    const outcome = await cleanOnce(disk, engine, question, { keyBytesMax, chunkBytes: 100 + random.below(2000) })
    if (outcome === undefined) continue
    cleanings++
    const where = `seed ${seed}, round ${round}`
    assert.ok(outcome.isFinished && outcome.cleanedEnd > cleanedEnd, `${where}: the cleaning got on`)
    cleanedEnd = outcome.cleanedEnd
    const seen = await consumeCommitted(disk, engine, stableEnd)
    const written = log.committed.filter(({ offset }) => offset < stableEnd)
    assert.equal([...tableOf(seen)].sort(), [...tableOf(written)].sort(), `${where}: the table is the same`)
    const originals = new Map(written.map((record) => [record.offset, record]))
    for (const record of seen) assert.is(text(record), text(originals.get(record.offset) ?? {}), where)
    const early = seen.filter(({ offset }) => offset < cleanedEnd).map(({ key }) => String(key))
    assert.is(new Set(early).size, early.length, `${where}: a key is there once below ${cleanedEnd}`)
    const tail = (batches: readonly Buffer[]): Buffer =>
      Buffer.concat(batches.filter((batch) => batchLastOffset(batch, 0) >= untouchedFrom))
    assert.ok(tail(await readBatches(disk, engine)).equals(tail(before)), `${where}: what is not stable is untouched`)
    checkLastOfProducers(await readBatches(disk, engine), log, where)
    await checkTimes(disk, engine, startMs + random.below(20_000), where)
  }
  return cleanings
}

/** What a producer's state is made of again after a crash must be there. */
function checkLastOfProducers(batches: readonly Buffer[], log: RandomLog, where: string): void {
  const ends = new Set(batches.map((batch) => batchLastOffset(batch, 0)))
  for (const [producerId, { lastOffset }] of log.producers) {
    assert.ok(ends.has(lastOffset), `${where}: the last batch of producer ${producerId} is there`)
  }
}

/** The first record of the time, in the order of offsets, whatever is missing between them. */
async function checkTimes(disk: Disk, engine: Engine, timestampMs: number, where: string): Promise<void> {
  const reader = readerOf(disk)
  const range = { startOffset: 0, endOffset: engine.endOffset, generation: engine.segmentsVersion }
  const found = await reader.offsetForTimestamp({ ...range, timestampMs })
  const records = (await readBatches(disk, engine)).flatMap((batch) => readRecords(batch, 0))
  const first = records.find((record) => record.timestampMs >= timestampMs)
  assert.is(found?.offset, first?.offset, `${where}: the offset of ${timestampMs}`)
  reader.close()
}

test('whatever was written, a cleaned log tells careful consumers the same table, of the same records', async () => {
  const { budgetMs, seed } = propertyBudget()
  const until = Date.now() + budgetMs
  let runs = 0
  let cleanings = 0
  for (; runs < 5 || Date.now() < until; runs++) cleanings += await checkRun(seed + runs)
  console.log(`${runs} logs cleaned ${cleanings} times, from seed ${seed} on`)
  assert.ok(cleanings > runs)
})

test.run()
