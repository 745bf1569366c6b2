/** A partition whose storage failed comes back by itself, as soon as the disk does, with all that was acknowledged. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { lineLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Topology } from '../../src/base/topology.ts'
import { readWhole } from '../../src/log/disk.ts'
import { SteadyReader } from '../../src/log/local/steady-reader.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { maintainEveryMs } from '../../src/partition/maintenance.ts'
import { OwnerAgent } from '../../src/partition/owner.ts'
import { reopenPauseMs, reopenPauseMsMax } from '../../src/partition/reopening.ts'
import { Bell } from '../../src/ring/bell.ts'
import { isSlot, slotAfter } from '../../src/ring/cursor.ts'
import { Ring } from '../../src/ring/ring.ts'
import { EntryKind } from '../../src/ring/slot.ts'
import { PartitionState, PartitionTable } from '../../src/ring/table.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { buildBatch } from '../../src/wire/record-batch.ts'
import { buildMarker } from '../../src/wire/transaction-marker.ts'
import { encodeTransactionOpen } from '../../src/wire/transaction-open.ts'
import { FaultyDisk } from '../log/faulty-disk.ts'
import { testSettings } from './one-ring.ts'
import { goodBatch } from './owner-kit.ts'

const { NONE, KAFKA_STORAGE_ERROR } = ErrorCode
const folder = 'test-0'
const logPath = `${folder}/00000000000000000000.log`

/** An owner of one partition on a disk that the test makes faulty. */
class Scene {
  readonly clock = new VirtualClock(1_700_000_000_000)
  readonly inner = new MemoryDisk(MemoryDisk.create(1 << 20))
  readonly disk = new FaultyDisk(this.inner, true)
  readonly lines: string[] = []
  readonly table: PartitionTable
  readonly agent: OwnerAgent
  readonly #ownerBell: Bell
  #ring: Ring | undefined

  constructor() {
    const topology: Topology = {
      table: PartitionTable.create(8),
      writerBells: [Bell.create(8)],
      ownerBells: [Bell.create(8)],
      disks: { local: { kind: 'memory', memory: new SharedArrayBuffer(0) } },
    }
    this.table = new PartitionTable(topology.table)
    this.#ownerBell = new Bell(topology.ownerBells[0] ?? new SharedArrayBuffer(0))
    this.agent = new OwnerAgent({
      topology,
      owner: 0,
      clock: this.clock,
      random: seededRandom(1),
      logger: lineLogger('info', (line) => this.lines.push(line)),
      openDisk: () => this.disk,
    })
  }

  get isOnline(): boolean {
    return this.table.state(0) === PartitionState.online
  }

  get end(): number {
    return this.table.highWatermark(0)
  }

  async open(sync: 'every' | 'never' = 'never'): Promise<this> {
    const settings = testSettings({ storage: 'local', sync })
    await this.agent.open([
      { topic: 'test', topicId: 'ab'.repeat(16), partition: 0, slot: 0, settings, leaderEpoch: 0 },
    ])
    return this
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 4; round++) {
      while (this.agent.doWork() > 0);
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async advance(byMs: number): Promise<void> {
    this.clock.advance(byMs)
    await this.settle()
  }

  /** Sends as a front does, which gets another ring from main where its own is sealed. */
  async send(bytes = goodBatch(this.clock.nowMs()), kind: EntryKind = EntryKind.data): Promise<number> {
    if (!this.isOnline) return KAFKA_STORAGE_ERROR
    if (this.#ring?.isSealed() !== false) {
      const memory = Ring.create({ dataBytes: 65_536 })
      const attached = this.agent.attachRing(0, memory)
      await this.settle()
      await attached
      this.#ring = new Ring(memory)
    }
    const ring = this.#ring
    const entry = ring?.append(bytes, 0, bytes.length, 0, kind) ?? -1
    if (ring === undefined || !isSlot(entry)) return KAFKA_STORAGE_ERROR
    this.#ownerBell.markAndRing(0)
    await this.settle()
    assert.is(ring.readable(), slotAfter(entry), 'every batch is answered')
    ring.markAnswered(entry)
    return ring.outcome(entry)
  }
}

for (const sync of ['never', 'every'] as const) {
  test(`a full disk takes the partition offline, and room brings it back with all it had (sync ${sync})`, async () => {
    const scene = await new Scene().open(sync)
    assert.is(await scene.send(), NONE)
    scene.disk.changeError = 'ENOSPC'
    assert.is(await scene.send(), KAFKA_STORAGE_ERROR)
    assert.not(scene.isOnline)
    await scene.advance(reopenPauseMs)
    assert.not(scene.isOnline, 'there still is no room')
    scene.disk.changeError = ''
    await scene.advance(reopenPauseMsMax)
    assert.ok(scene.isOnline)
    assert.is(scene.end, 3)
    assert.is(await scene.send(), NONE)
    assert.is(scene.end, 6)
  })
}

test('readers find their place again where a cleaning was finished while the partition was offline', async () => {
  const scene = await new Scene().open()
  for (let batch = 0; batch < 3; batch++) assert.is(await scene.send(), NONE)
  const reader = new SteadyReader({ disk: scene.disk, directory: folder, rewrites: () => scene.table.rewrites(0) })
  const read = (offset: number, bytesMax: number): Promise<Buffer | undefined> =>
    reader.read({ offset, bytesMax, endOffset: 9, generation: scene.table.segmentsGeneration(0) })
  const first = await read(0, 1)
  assert.ok(first !== undefined)
  scene.disk.changeError = 'EIO'
  assert.is(await scene.send(), KAFKA_STORAGE_ERROR)
  scene.disk.changeError = ''
  // The first batch is cleaned away, and the others move up.
  const log = readWhole(scene.inner, logPath) ?? Buffer.alloc(0)
  const swap = scene.inner.open(`${logPath}.swap`, 'write')
  swap.writev([log.subarray(first.length)], 0)
  swap.close()
  await scene.advance(reopenPauseMs)
  assert.ok(scene.isOnline)
  assert.equal(await read(3, 1 << 16), log.subarray(first.length))
  reader.close()
})

test('batches that were written and refused, since their sync failed, do not come back', async () => {
  const scene = await new Scene().open('every')
  assert.is(await scene.send(), NONE)
  scene.disk.syncError = 'EIO'
  const sizeBefore = scene.inner.sizeOf(logPath) ?? 0
  assert.is(await scene.send(), KAFKA_STORAGE_ERROR)
  assert.ok((scene.inner.sizeOf(logPath) ?? 0) > sizeBefore, 'it was written')
  scene.disk.syncError = ''
  await scene.advance(reopenPauseMs)
  assert.ok(scene.isOnline)
  assert.is(scene.end, 3)
  assert.is(scene.inner.sizeOf(logPath), sizeBefore)
})

test('the pauses between the tries grow up to a limit, and each reason is said once', async () => {
  const scene = await new Scene().open()
  await scene.send()
  scene.disk.changeError = 'EROFS'
  await scene.send()
  let tries = 0
  const open = scene.disk.open.bind(scene.disk)
  scene.disk.open = (path, mode) => {
    if (path.includes('safka-probe')) tries++
    return open(path, mode)
  }
  for (let second = 0; second < 60; second++) await scene.advance(1000)
  assert.is(tries, 6, 'after 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s')
  for (let second = 0; second < 3_600; second++) await scene.advance(1000)
  assert.is(tries, 126)
  assert.is(scene.lines.filter((line) => line.includes('stays offline')).length, 1)
  scene.disk.changeError = ''
  await scene.advance(reopenPauseMsMax)
  assert.ok(scene.isOnline)
})

test('a partition that fails again soon after it came back is tried less and less often', async () => {
  const scene = await new Scene().open()
  await scene.send()
  scene.disk.logBytesLeft = 0
  let pausesMs = 0
  for (let round = 0; round < 4; round++) {
    // The probe finds the disk well, and the next batch finds it full.
    assert.is(await scene.send(), KAFKA_STORAGE_ERROR)
    const startMs = scene.clock.nowMs()
    while (!scene.isOnline) await scene.advance(100)
    const pauseMs = scene.clock.nowMs() - startMs
    assert.ok(pauseMs > pausesMs, `${pauseMs} after ${pausesMs}`)
    pausesMs = pauseMs
  }
})

test('a folder that vanishes takes the partition offline, an empty one is never served, and the old one brings it back', async () => {
  const scene = await new Scene().open()
  await scene.send()
  await scene.settle()
  scene.disk.rename(folder, 'elsewhere')
  await scene.advance(maintainEveryMs)
  assert.not(scene.isOnline)
  await scene.advance(reopenPauseMsMax)
  assert.not(scene.isOnline)
  assert.match(scene.lines.at(-1) ?? '', /its folder test-0 is gone: bring it back, or delete the topic/)
  assert.not(scene.inner.exists(folder))
  scene.inner.makeDirectory(folder)
  await scene.advance(reopenPauseMsMax)
  assert.not(scene.isOnline)
  assert.match(scene.lines.at(-1) ?? '', /its log ends at offset 0, but 3 had been reached/)
  scene.inner.remove(folder)
  scene.disk.rename('elsewhere', folder)
  await scene.advance(reopenPauseMsMax)
  assert.ok(scene.isOnline)
  assert.is(scene.end, 3)
})

test('a partition that could not be opened at start is opened once it can be', async () => {
  const scene = new Scene()
  scene.inner.makeDirectory(folder)
  const list = scene.disk.list.bind(scene.disk)
  scene.disk.list = () => {
    throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
  }
  await scene.open()
  assert.not(scene.isOnline)
  scene.disk.list = list
  scene.inner.remove(folder)
  await scene.advance(reopenPauseMsMax)
  assert.not(scene.isOnline, 'there was something, which must not be forgotten')
  scene.inner.makeDirectory(folder)
  await scene.advance(reopenPauseMsMax)
  assert.ok(scene.isOnline)
  assert.is(await scene.send(), NONE)
})

test('a partition that never had anything begins once there is room for its folder', async () => {
  const scene = await new Scene().open()
  scene.disk.changeError = 'ENOSPC'
  assert.is(await scene.send(), KAFKA_STORAGE_ERROR)
  await scene.advance(reopenPauseMsMax)
  assert.not(scene.isOnline)
  scene.disk.changeError = ''
  await scene.advance(reopenPauseMsMax)
  assert.is(await scene.send(), NONE)
  assert.equal(
    scene.inner.list('').filter((name) => name.includes('probe')),
    [],
  )
})

test('a log start that was told to readers does not go back, although its checkpoint could not be written', async () => {
  const scene = await new Scene().open()
  await scene.send()
  await scene.send()
  scene.disk.changeError = 'EIO'
  assert.is((await scene.agent.deleteRecords(0, 3)).errorCode, KAFKA_STORAGE_ERROR)
  const told = scene.table.logStartOffset(0)
  scene.disk.changeError = ''
  await scene.settle()
  await scene.advance(reopenPauseMs)
  assert.ok(scene.isOnline)
  assert.is(scene.table.logStartOffset(0), told)
  assert.is(await scene.send(), NONE)
})

test('a deleted partition is tried no more, and takes its files with it although it had failed', async () => {
  const scene = await new Scene().open()
  await scene.send()
  scene.disk.changeError = 'EIO'
  await scene.send()
  scene.disk.changeError = ''
  const removed = scene.agent.remove([0])
  await scene.settle()
  await removed
  await scene.advance(reopenPauseMsMax)
  assert.not(scene.inner.exists(folder))
  assert.is(scene.table.state(0), PartitionState.removed)
})

test('producers go on with their sequences, and open transactions stay open, but hide what they had written', async () => {
  const scene = await new Scene().open()
  const producer = { producerId: 7, producerEpoch: 1 }
  const data = (baseSequence: number) =>
    buildBatch({
      records: [{ key: null, value: Buffer.from('x'), timestampMs: scene.clock.nowMs() }],
      ...producer,
      baseSequence,
      isTransactional: true,
    })
  assert.is(await scene.send(), NONE)
  assert.is(await scene.send(encodeTransactionOpen(producer), EntryKind.open), NONE)
  assert.is(await scene.send(data(0)), NONE)
  scene.disk.changeError = 'EIO'
  assert.is(await scene.send(data(1)), KAFKA_STORAGE_ERROR)
  scene.disk.changeError = ''
  await scene.advance(reopenPauseMs)
  assert.is(scene.table.lastStableOffset(0), 3)
  assert.is(await scene.send(data(2)), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
  assert.is(await scene.send(data(1)), NONE)
  assert.is(scene.end, 5)
  assert.is(scene.table.lastStableOffset(0), 3)
  const end = { ...producer, isCommit: false, coordinatorEpoch: 0 }
  scene.disk.changeError = 'EIO'
  assert.is(await scene.send(buildMarker(end, scene.clock.nowMs()), EntryKind.marker), KAFKA_STORAGE_ERROR)
  scene.disk.changeError = ''
  await scene.advance(2 * reopenPauseMs)
  assert.is(scene.table.lastStableOffset(0), 3, 'the marker was refused, and is not there')
  assert.is(await scene.send(buildMarker(end, scene.clock.nowMs()), EntryKind.marker), NONE)
  assert.is(scene.table.lastStableOffset(0), 6)
  assert.is(scene.table.abortedEnd(0), 6)
})

test.run()
