/** Compaction in its owner's hands: which log is dirtiest, and when a cleaned segment may take its place. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { CleanedSegment, DirtyLog } from '../../src/log/engine.ts'
import { EntryKind } from '../../src/ring/slot.ts'
import { buildBatch } from '../../src/wire/record-batch.ts'
import { encodeTransactionOpen } from '../../src/wire/transaction-open.ts'
import { answerAll, OwnerKit } from './owner-kit.ts'

const compacted = { isCompacted: true }

function dirtyBy(dirtyRatio: number): () => DirtyLog {
  const settings = { segmentBytes: 1, segmentIndexBytes: 1, indexIntervalBytes: 1 }
  const places = { directory: 'test-0', segments: [], laterBases: [], firstDirtyOffset: 0 }
  return () => ({
    dirtyRatio,
    isOverdue: false,
    plan: { ...places, settings, deleteRetentionMs: 1, producers: new Map() },
  })
}

function cleanedUpTo(endOffset: number): CleanedSegment {
  return { baseOffset: 0, endOffset, replaced: [0], sizeBytes: 61, maxTimestampMs: -1 }
}

function keyed(isTransactional = false, producerId = -1): Buffer {
  const records = [{ key: Buffer.from('k'), value: Buffer.from('v'), timestampMs: 1_700_000_000_000 }]
  const producer = producerId < 0 ? {} : { producerId, producerEpoch: 3, baseSequence: 0 }
  return buildBatch({ records, isTransactional, ...producer })
}

test('the dirtiest compacted log is answered, but for those that are excepted, failed or not compacted', async () => {
  const kit = new OwnerKit()
  for (const [slot, ratio] of [0.6, 0.9, 0.7, 0.95].entries()) {
    await kit.open(slot, slot === 3 ? {} : compacted)
    kit.engine(slot).dirty = dirtyBy(ratio)
  }
  assert.is((await kit.agent.dirtiestLog([])).dirtiest?.slot, 1)
  assert.is((await kit.agent.dirtiestLog([1])).dirtiest?.slot, 2)
  assert.is((await kit.agent.dirtiestLog([0, 1, 2])).dirtiest, undefined)
  kit.engine(1).dirty = () => {
    throw new Error('planted')
  }
  const answer = await kit.agent.dirtiestLog([])
  assert.is(answer.dirtiest?.slot, 2)
  assert.equal(
    answer.failed.map(({ slot }) => slot),
    [1],
  )
})

test('an engine is asked with what is stable, what was cleaned, and the producers that are known', async () => {
  const kit = new OwnerKit()
  await kit.open(0, compacted)
  kit.append(0, keyed(false, 4))
  kit.append(0, encodeTransactionOpen({ producerId: 7, producerEpoch: 3 }), EntryKind.open)
  kit.append(0, keyed(true, 7))
  kit.append(0, keyed())
  kit.work()
  await kit.agent.setCleanedEnds([{ slot: 0, cleanedEnd: 1 }])
  await kit.agent.dirtiestLog([])
  const [question] = kit.engine(0).questions
  assert.is(question?.stableEnd, 1, 'the open transaction begins there')
  assert.is(question?.cleanedEnd, 1)
  assert.is(question?.nowMs, kit.clock.nowMs())
  assert.equal(
    [...(question?.producers() ?? [])],
    [
      [4, { lastOffset: 0, epoch: 3 }],
      [7, { lastOffset: 1, epoch: 3 }],
    ],
  )
})

test('a cleaned segment takes its place once the ring holds nothing of it, and readers are told', async () => {
  const kit = new OwnerKit()
  const ring = await kit.open(0, compacted)
  for (let count = 0; count < 4; count++) kit.append(0, keyed())
  kit.work()
  const generation = kit.table.segmentsGeneration(0)
  assert.is(await kit.agent.replaceSegments(0, cleanedUpTo(3)), false, 'nobody has answered the producers yet')
  assert.is(kit.table.rewrites(0), 0)
  answerAll(ring)
  const retired = ring.retired()
  assert.is(await kit.agent.replaceSegments(0, cleanedUpTo(3)), true)
  assert.equal(kit.engine(0).replaced, [cleanedUpTo(3)])
  assert.is(ring.retired() - retired, 3, 'what lies behind it stays in the ring')
  assert.is(kit.table.rewrites(0), 2)
  assert.is.not(kit.table.segmentsGeneration(0), generation)
})

test('nothing is replaced in a partition that is not there, was removed, or failed', async () => {
  const kit = new OwnerKit()
  assert.is(await kit.agent.replaceSegments(5, cleanedUpTo(3)), false)
  await kit.open(0, compacted)
  const engine = kit.engine(0)
  engine.failure = new Error('planted')
  kit.append(0, keyed())
  kit.work()
  assert.is(await kit.agent.replaceSegments(0, cleanedUpTo(1)), false)
  await kit.agent.remove([0])
  assert.is(await kit.agent.replaceSegments(0, cleanedUpTo(1)), false)
  assert.equal(engine.replaced, [])
  assert.is((await kit.agent.dirtiestLog([])).dirtiest, undefined)
})

test.run()
