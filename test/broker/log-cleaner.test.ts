/** The log cleaner: the dirtiest log first, no more at once than allowed, called off when told, and never again what failed. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { BytePacer } from '../../src/broker/byte-pacer.ts'
import type { CleaningRunner } from '../../src/broker/cleaning-runner.ts'
import { LogCleaner } from '../../src/broker/log-cleaner.ts'
import type { CleaningControl, CleaningReport } from '../../src/broker/remote-cleaning.ts'
import type { CleanedEnd, DirtiestLog } from '../../src/broker/remotes.ts'
import { readCleanerCheckpoint, writeCleanerCheckpoint } from '../../src/log/cleaning/cleaner-checkpoint.ts'
import { readWhole } from '../../src/log/disk.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'
import { FakeOwner, partitionSettings } from './fake-agents.ts'

/** An owner whose partitions are as dirty as a test says; what was cleaned is dirty no more. */
class DirtyOwner extends FakeOwner {
  readonly ratios: Map<number, number>
  readonly ends: CleanedEnd[] = []
  failed: DirtiestLog['failed'] = []

  constructor(ratios: Map<number, number>) {
    super()
    this.ratios = ratios
  }

  override async dirtiestLog(except: readonly number[] = []): Promise<DirtiestLog> {
    const open = [...this.ratios].filter(([slot]) => !except.includes(slot))
    const [slot, dirtyRatio] = open.sort(([, first], [, second]) => second - first)[0] ?? []
    if (slot === undefined || dirtyRatio === undefined) return { dirtiest: undefined, failed: this.failed }
    const plan = {
      directory: `orders-${slot}`,
      segments: [],
      laterBases: [],
      firstDirtyOffset: 0,
      settings: { segmentBytes: 1, segmentIndexBytes: 1, indexIntervalBytes: 1 },
      deleteRetentionMs: 1,
      producers: new Map(),
    }
    return { dirtiest: { slot, dirtyRatio, isOverdue: false, plan }, failed: this.failed }
  }

  override async setCleanedEnds(ends: readonly CleanedEnd[] = []): Promise<void> {
    for (const end of ends) this.ratios.delete(end.slot)
    this.ends.push(...ends)
  }
}

type Run = { readonly folder: string; readonly control: CleaningControl; end(report: CleaningReport): void }

const finished = (cleanedEnd: number): CleaningReport => ({
  outcome: {
    cleanedEnd,
    isFinished: true,
    bytesRead: 10,
    bytesWritten: 5,
    recordsRead: 2,
    recordsKept: 1,
    areAllKeysNoted: true,
  },
})
const calledOff: CleaningReport = {
  outcome: {
    ...{ cleanedEnd: 0, isFinished: false, bytesRead: 0, bytesWritten: 0, recordsRead: 0, recordsKept: 0 },
    areAllKeysNoted: true,
  },
}
const failure = (code: string | undefined): CleaningReport => ({ failure: { code, reason: 'planted' } })

function setUp(ratios: Record<number, number>, configs: Record<string, string> = {}) {
  const clock = new VirtualClock()
  const owner = new DirtyOwner(new Map(Object.entries(ratios).map(([slot, ratio]) => [Number(slot), ratio])))
  const slots = [...owner.ratios.keys()]
  const topic = {
    name: 'orders',
    id: 'ab'.repeat(16),
    isInternal: false,
    settings: { ...partitionSettings, isCompacted: true },
    partitions: slots.map((slot) => ({ index: slot, slot, owner: 0, leaderEpoch: 0 })),
  }
  const disk = new MemoryDisk(MemoryDisk.create(1 << 16))
  const runs: Run[] = []
  const runner: CleaningRunner = {
    run: (job, control) =>
      new Promise((resolve) => {
        runs.push({ folder: job.plan.directory, control, end: resolve })
      }),
    close: async () => undefined,
  }
  const values: Record<string, string> = {
    'log.cleaner.enable': 'true',
    'log.cleaner.threads': '1',
    'log.cleaner.dedupe.buffer.size': '1000000',
    'log.cleaner.io.buffer.load.factor': '0.9',
    'log.cleaner.io.buffer.size': '524288',
    'log.cleaner.io.max.bytes.per.second': '1.7976931348623157E308',
    'log.cleaner.backoff.ms': '15000',
    ...configs,
  }
  const cleaner = new LogCleaner({
    owners: [owner],
    registry: {
      topics: () => [topic].values(),
      partitionAt: (slot) => (slots.includes(slot) ? { slot, owner: 0, settings: topic.settings } : undefined),
    },
    disks: { local: { kind: 'real', root: 'data' } },
    checkpointDisk: disk,
    runner,
    clock,
    logger: silentLogger,
    configOf: (name) => values[name] ?? null,
  })
  const round = async (): Promise<void> => {
    clock.advance(15_000)
    await settle()
  }
  return { cleaner, owner, runs, disk, clock, topic, round, folders: () => runs.map(({ folder }) => folder) }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

test('the dirtiest log comes first, one after the other, and each end is kept in the file of Kafka', async () => {
  const { cleaner, owner, runs, disk, round, folders } = setUp({ 1: 0.6, 2: 0.9, 3: 0.7 })
  await cleaner.start()
  assert.equal(folders(), [], 'nothing before the first round')
  await round()
  assert.equal(folders(), ['orders-2'])
  for (const end of [20, 30, 10]) {
    runs.at(-1)?.end(finished(end))
    await settle()
  }
  assert.equal(folders(), ['orders-2', 'orders-3', 'orders-1'])
  assert.equal(owner.ends, [
    { slot: 2, cleanedEnd: 20 },
    { slot: 3, cleanedEnd: 30 },
    { slot: 1, cleanedEnd: 10 },
  ])
  assert.is(readWhole(disk, 'cleaner-offset-checkpoint')?.toString(), '0\n3\norders 2 20\norders 3 30\norders 1 10\n')
  await cleaner.stop()
})

test('as many logs are cleaned at once as log.cleaner.threads says', async () => {
  const { cleaner, runs, round, folders } = setUp({ 1: 0.6, 2: 0.9, 3: 0.7 }, { 'log.cleaner.threads': '2' })
  await cleaner.start()
  await round()
  assert.equal(folders(), ['orders-2', 'orders-3'])
  await round()
  assert.is(runs.length, 2)
  for (const run of runs) run.end(finished(1))
  await settle()
  assert.is(runs.length, 3)
  runs[2]?.end(finished(1))
  await cleaner.stop()
})

test('a log whose cleaning failed is left alone; one that could not go on now is tried again', async () => {
  const { cleaner, runs, round, folders } = setUp({ 1: 0.9 })
  await cleaner.start()
  await round()
  for (const [report, runCount] of [
    [failure('ENOSPC'), 2],
    [failure('ENOENT'), 3],
    [calledOff, 4],
    [failure('SAFKA_LOG_CORRUPT'), 4],
  ] as const) {
    runs.at(-1)?.end(report)
    await settle()
    await round()
    assert.is(runs.length, runCount)
  }
  assert.equal(folders(), ['orders-1', 'orders-1', 'orders-1', 'orders-1'])
  await cleaner.stop()
})

test('a log that could not be looked at is left out from then on', async () => {
  const { cleaner, owner, runs, round } = setUp({ 1: 0.9 })
  owner.failed = [{ slot: 1, reason: 'planted' }]
  await cleaner.start()
  await round()
  runs[0]?.end(calledOff)
  await settle()
  await round()
  assert.is(runs.length, 1)
  await cleaner.stop()
})

test('a topic that goes, and a stop, call cleanings off and wait for them', async () => {
  for (const leave of ['abandon', 'stop'] as const) {
    const { cleaner, runs, topic, disk, round } = setUp({ 1: 0.9 })
    await cleaner.start()
    await round()
    assert.is(await runs[0]?.control.goOn(1), true)
    let isGone = false
    const leaving = (leave === 'stop' ? cleaner.stop() : cleaner.abandon(topic)).then(() => {
      isGone = true
    })
    await settle()
    assert.not.ok(isGone, 'it waits for the cleaning')
    assert.is(await runs[0]?.control.goOn(1), false)
    runs[0]?.end(finished(5))
    await leaving
    assert.not.ok(readCleanerCheckpoint(disk).has('orders-1'), 'what was called off is not remembered')
    await cleaner.stop()
  }
})

test('nothing runs where the cleaner is switched off or has no threads', async () => {
  for (const configs of [{ 'log.cleaner.enable': 'false' }, { 'log.cleaner.threads': '0' }]) {
    const { cleaner, runs, round } = setUp({ 1: 0.9 }, configs)
    await cleaner.start()
    await round()
    assert.is(runs.length, 0)
    await cleaner.stop()
  }
})

test('after a restart the owners are told where cleanings ended', async () => {
  const { cleaner, owner, disk } = setUp({ 1: 0.9, 2: 0.8 })
  writeCleanerCheckpoint(
    disk,
    new Map([
      ['orders-2', 7],
      ['gone-0', 3],
    ]),
  )
  await cleaner.start()
  assert.equal(owner.ends, [{ slot: 2, cleanedEnd: 7 }])
  await cleaner.stop()
})

test('a checkpoint that makes no sense counts as none', () => {
  const disk = new MemoryDisk(MemoryDisk.create(1 << 16))
  for (const text of ['', '1\n0\n', '0\n2\norders 1 5\n', '0\n1\norders x 5\n', 'nonsense']) {
    const file = disk.open('cleaner-offset-checkpoint', 'write')
    file.truncate(0)
    file.writev([Buffer.from(text)], 0)
    assert.is(readCleanerCheckpoint(disk).size, 0, JSON.stringify(text))
  }
})

test('what is moved is held back to the rate that is allowed', async () => {
  const clock = new VirtualClock()
  const pacer = new BytePacer(clock)
  await pacer.pass(1e9, Number.POSITIVE_INFINITY)
  let passed = 0
  const pass = (bytes: number): Promise<void> => pacer.pass(bytes, 1000).then(() => void passed++)
  const both = [pass(500), pass(500)]
  await settle()
  assert.is(passed, 0)
  clock.advance(500)
  await settle()
  assert.is(passed, 1)
  clock.advance(500)
  await Promise.all(both)
  const last = pass(1e6)
  pacer.release()
  await last
  assert.is(passed, 3)
})

test.run()
