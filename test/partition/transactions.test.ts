/** Transactions in one partition: who may write, what markers do, and how far careful readers see. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { assertDefined } from '../../src/base/assert.ts'
import { decodeSnapshot } from '../../src/partition/snapshot.ts'
import { EntryKind, Verdict } from '../../src/ring/slot.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { batchBaseOffset, batchIsControl, batchMaxTimestamp, buildBatch } from '../../src/wire/record-batch.ts'
import { buildMarker, readMarker } from '../../src/wire/transaction-marker.ts'
import { encodeTransactionOpen } from '../../src/wire/transaction-open.ts'
import { OwnerKit, outcomeOf } from './owner-kit.ts'

type Producer = { readonly id: number; readonly epoch: number }

/** One partition, driven entry by entry. */
class Scene {
  readonly kit = new OwnerKit()

  static async make(...settings: Parameters<OwnerKit['open']> extends [number, ...infer Rest] ? Rest : never) {
    const scene = new Scene()
    await scene.kit.open(0, ...settings)
    return scene
  }

  open(producer: Producer): number {
    return this.#send(encodeTransactionOpen({ producerId: producer.id, producerEpoch: producer.epoch }), EntryKind.open)
  }

  /** One record. */
  write(producer: Producer, baseSequence: number, isTransactional = true): number {
    return this.#send(
      buildBatch({
        records: [{ key: null, value: Buffer.from('x'), timestampMs: this.kit.clock.nowMs() }],
        producerId: producer.id,
        producerEpoch: producer.epoch,
        baseSequence,
        isTransactional,
      }),
      EntryKind.data,
    )
  }

  end(producer: Producer, isCommit: boolean, coordinatorEpoch = 0): number {
    const marker = { producerId: producer.id, producerEpoch: producer.epoch, isCommit, coordinatorEpoch }
    return this.#send(buildMarker(marker, this.kit.clock.nowMs()), EntryKind.marker)
  }

  get stableOffset(): number {
    return this.kit.table.lastStableOffset(0)
  }

  get highWatermark(): number {
    return this.kit.table.highWatermark(0)
  }

  /** The outcome, or the error where it was refused. */
  #send(bytes: Buffer, kind: EntryKind): number {
    const slot = this.kit.append(0, bytes, kind)
    this.kit.work()
    return outcomeOf(assertDefined(this.kit.rings.get(0), 'a ring'), slot).outcome
  }
}

const one = { id: 1, epoch: 0 }
const two = { id: 2, epoch: 0 }

test('data of a transaction goes in only once it was opened, and not after its marker', async () => {
  const scene = await Scene.make()
  assert.is(scene.write(one, 0), ErrorCode.INVALID_TXN_STATE)
  assert.is(scene.open(one), ErrorCode.NONE)
  assert.is(scene.highWatermark, 0)
  assert.is(scene.write(one, 0), ErrorCode.NONE)
  assert.is(scene.write(two, 0), ErrorCode.INVALID_TXN_STATE)
  assert.is(scene.end(one, true), ErrorCode.NONE)
  assert.is(scene.write(one, 1), ErrorCode.INVALID_TXN_STATE)
  assert.is(scene.open(one), ErrorCode.NONE)
  assert.is(scene.write(one, 1), ErrorCode.NONE)
  assert.equal(
    scene.kit.engine(0).written.map((bytes) => [batchBaseOffset(bytes, 0), batchIsControl(bytes, 0)]),
    [
      [0, false],
      [1, true],
      [2, false],
    ],
  )
})

test('what opens a transaction is not for the log, also as the first entry of a later ring', async () => {
  const scene = await Scene.make()
  const ring = assertDefined(scene.kit.rings.get(0), 'a ring')
  const plain = scene.kit.append(0)
  scene.kit.work()
  const slot = scene.kit.append(0, encodeTransactionOpen({ producerId: 1, producerEpoch: 0 }), EntryKind.open)
  scene.kit.work()
  assert.is(ring.verdict(plain), Verdict.accepted)
  assert.not(ring.isInLog(slot))
  assert.is(scene.highWatermark, 3)
  assert.is(ring.readable(), slot + 1)
})

test('the last stable offset stops at the earliest open transaction, and moves on with its marker', async () => {
  const scene = await Scene.make()
  scene.kit.append(0)
  scene.kit.work()
  assert.is(scene.stableOffset, 3)
  scene.open(one)
  scene.open(two)
  assert.is(scene.stableOffset, 3)
  scene.write(one, 0)
  scene.write(two, 0)
  scene.write(one, 1)
  assert.equal([scene.stableOffset, scene.highWatermark], [3, 6])
  scene.end(one, true)
  assert.equal([scene.stableOffset, scene.highWatermark], [4, 7])
  scene.write({ id: 9, epoch: 0 }, 0, false)
  assert.equal([scene.stableOffset, scene.highWatermark], [4, 8])
  scene.end(two, false)
  assert.equal([scene.stableOffset, scene.highWatermark], [9, 9])
})

test('the last stable offset is never below the log start', async () => {
  const scene = await Scene.make()
  scene.open(one)
  scene.write(one, 0)
  scene.write(one, 1)
  assert.equal(await scene.kit.agent.deleteRecords(0, 1), { errorCode: 0, startOffset: 1 })
  assert.is(scene.stableOffset, 1)
  scene.write(one, 2)
  assert.equal([scene.stableOffset, scene.highWatermark], [1, 3])
  scene.end(one, true)
  assert.is(scene.stableOffset, 4)
})

test('a marker that is not readable yet keeps the last stable offset where it was', async () => {
  const scene = await Scene.make({ sync: 'every' })
  scene.open(one)
  scene.write(one, 0)
  scene.kit.engine(0).isSyncing = false
  scene.end(one, true)
  assert.equal([scene.stableOffset, scene.highWatermark], [0, 1])
  scene.kit.engine(0).isSyncing = true
  scene.kit.ownerBell.markAndRing(0)
  scene.kit.work()
  assert.equal([scene.stableOffset, scene.highWatermark], [2, 2])
})

test('aborted transactions with data are handed to the log with what was open behind them', async () => {
  const scene = await Scene.make()
  for (const producer of [one, two]) scene.open(producer)
  scene.write(one, 0)
  scene.write(two, 0)
  scene.end(one, false)
  scene.end(two, false)
  scene.open(one)
  scene.end(one, false)
  scene.open(two)
  scene.write(two, 1)
  scene.end(two, true)
  assert.equal(scene.kit.engine(0).aborted, [
    { producerId: 1, firstOffset: 0, lastOffset: 2, lastStableOffset: 1 },
    { producerId: 2, firstOffset: 1, lastOffset: 3, lastStableOffset: 4 },
  ])
  assert.is(scene.kit.table.abortedEnd(0), 4)
})

test('an older epoch is fenced by a marker: neither data, nor a marker, nor an opening of it is taken', async () => {
  const scene = await Scene.make()
  scene.open(one)
  scene.write(one, 0)
  assert.is(scene.end({ id: 1, epoch: 1 }, false), ErrorCode.NONE)
  assert.is(scene.write(one, 1), ErrorCode.INVALID_PRODUCER_EPOCH)
  assert.is(scene.end(one, true), ErrorCode.INVALID_PRODUCER_EPOCH)
  assert.is(scene.open(one), ErrorCode.INVALID_PRODUCER_EPOCH)
  const newer = { id: 1, epoch: 1 }
  assert.is(scene.open(newer), ErrorCode.NONE)
  assert.is(scene.write(newer, 1), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
  assert.is(scene.write(newer, 0), ErrorCode.NONE)
})

test('a marker of an older coordinator is refused; one without data is written all the same', async () => {
  const scene = await Scene.make()
  assert.is(scene.end(one, false, 3), ErrorCode.NONE)
  assert.is(scene.end(one, false, 2), ErrorCode.TRANSACTION_COORDINATOR_FENCED)
  assert.is(scene.end(one, true, 3), ErrorCode.NONE)
  assert.is(scene.highWatermark, 2)
  assert.equal(scene.kit.engine(0).aborted, [])
})

test('while a transaction is open, its producer writes nothing outside of it', async () => {
  const scene = await Scene.make()
  scene.open(one)
  assert.is(scene.write(one, 0), ErrorCode.NONE)
  assert.is(scene.write(one, 1, false), ErrorCode.INVALID_TXN_STATE)
  assert.is(scene.write({ id: 1, epoch: 1 }, 0), ErrorCode.INVALID_PRODUCER_EPOCH)
})

test('a repeated batch is recognised, though not behind the end of its transaction', async () => {
  const scene = await Scene.make()
  scene.open(one)
  scene.write(one, 0)
  const ring = assertDefined(scene.kit.rings.get(0), 'a ring')
  assert.is(scene.write(one, 0), ErrorCode.NONE)
  assert.is(ring.verdict(ring.readable() - 1), Verdict.duplicate)
  assert.is(ring.baseOffset(ring.readable() - 1), 0)
  scene.end(one, true)
  assert.is(scene.write(one, 0), ErrorCode.INVALID_TXN_STATE)
  assert.is(scene.highWatermark, 2)
})

test('damaged notes are refused and change nothing', async () => {
  const scene = await Scene.make()
  const ring = assertDefined(scene.kit.rings.get(0), 'a ring')
  const broken = scene.kit.append(0, Buffer.alloc(3), EntryKind.open)
  const marker = buildMarker({ producerId: 1, producerEpoch: 0, isCommit: true, coordinatorEpoch: 0 }, 1)
  const cut = scene.kit.append(0, marker.subarray(0, 50), EntryKind.marker)
  scene.kit.work()
  assert.is(ring.outcome(broken), ErrorCode.CORRUPT_MESSAGE)
  assert.is(ring.outcome(cut), ErrorCode.CORRUPT_MESSAGE)
  assert.is(scene.highWatermark, 0)
})

test('on a topic with LogAppendTime markers get it too, and still say what they said', async () => {
  const scene = await Scene.make({ timestampType: 'LogAppendTime' })
  scene.kit.clock.advance(1000)
  const marker = { producerId: 1, producerEpoch: 4, isCommit: true, coordinatorEpoch: 2 }
  scene.kit.append(0, buildMarker(marker, 1), EntryKind.marker)
  scene.kit.work()
  const [bytes] = scene.kit.engine(0).written
  assert.is(bytes && batchMaxTimestamp(bytes, 0), scene.kit.clock.nowMs())
  assert.equal(bytes && readMarker(bytes, 0), marker)
})

test('producers are described with the transaction that they have open, and so are they kept', async () => {
  const scene = await Scene.make()
  scene.open(one)
  scene.kit.append(0)
  scene.write(one, 0)
  scene.end(two, true, 5)
  const nowMs = scene.kit.clock.nowMs()
  const facts = [
    { ...blank, producerId: 1, epoch: 0, lastSequence: 0, lastOffset: 3, timestampMs: nowMs, transactionStart: 3 },
    { ...blank, producerId: 2, epoch: 0, timestampMs: nowMs, coordinatorEpoch: 5 },
  ]
  assert.equal(await scene.kit.agent.describeProducers(0), facts)
  await scene.kit.agent.stop()
  const snapshot = scene.kit.engine(0).snapshots.at(-1)
  assert.equal(snapshot && decodeSnapshot(snapshot.bytes), facts)
})

const blank = { lastSequence: -1, lastOffset: -1, offsetDelta: 0, coordinatorEpoch: -1, transactionStart: -1 }

test.run()
