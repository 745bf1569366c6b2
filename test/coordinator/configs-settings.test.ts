/** How configs become the settings that owners and fronts act upon. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { generateConfigs } from '../../scripts/generate-configs.ts'
import { brokerConfigs, groupConfigs, topicConfigs } from '../../src/coordinator/configs/definitions.ts'
import { emptyBrokerConfigs } from '../../src/coordinator/configs/effective.ts'
import { resolveSettings } from '../../src/coordinator/configs/resolve-settings.ts'
import { configValueProblem } from '../../src/coordinator/configs/validate.ts'

const settings = (topic: Record<string, string> = {}, broker: Record<string, string> = {}) =>
  resolveSettings(new Map(Object.entries(topic)), {
    ...emptyBrokerConfigs,
    static: new Map(Object.entries(broker)),
  })
const never = 2 ** 63

test("without any config the settings are Kafka's defaults", () => {
  assert.equal(settings(), {
    storage: 'local',
    ringBytes: 16_777_216,
    segmentBytes: 1_073_741_824,
    segmentMs: 604_800_000,
    segmentJitterMs: 0,
    indexIntervalBytes: 4_096,
    segmentIndexBytes: 10_485_760,
    retentionBytes: -1,
    retentionMs: 604_800_000,
    maxMessageBytes: 1_048_588,
    isCompacted: false,
    isDeleted: true,
    deleteRetentionMs: 86_400_000,
    compactionLagMinMs: 0,
    compactionLagMaxMs: never,
    dirtyRatioMin: 0.5,
    timestampType: 'CreateTime',
    timestampBeforeMaxMs: never,
    timestampAfterMaxMs: 3_600_000,
    compressionType: 'producer',
    compressionLevel: 0,
    sync: 'never',
    flushMessages: never,
    flushMs: never,
    retentionCheckMs: 300_000,
    fileDeleteDelayMs: 60_000,
  })
})

test('a topic says first, then the broker, in the finest unit that it was given', () => {
  assert.is(settings({ 'retention.ms': '5' }, { 'log.retention.ms': '6' }).retentionMs, 5)
  assert.is(settings({}, { 'log.retention.hours': '2' }).retentionMs, 7_200_000)
  assert.is(settings({}, { 'log.retention.hours': '2', 'log.retention.minutes': '3' }).retentionMs, 180_000)
  assert.is(settings({}, { 'log.retention.hours': '2', 'log.retention.ms': '4' }).retentionMs, 4)
  assert.is(settings({}, { 'log.retention.hours': '-1' }).retentionMs, -1)
  assert.is(settings({}, { 'log.roll.hours': '1' }).segmentMs, 3_600_000)
})

test('what compaction goes by comes from the topic, or from the configs of the broker’s log cleaner', () => {
  const own = { 'delete.retention.ms': '1', 'min.compaction.lag.ms': '2', 'max.compaction.lag.ms': '3' }
  const topic = settings({ ...own, 'min.cleanable.dirty.ratio': '0.25' })
  const facts = (of: typeof topic) => [
    of.deleteRetentionMs,
    of.compactionLagMinMs,
    of.compactionLagMaxMs,
    of.dirtyRatioMin,
  ]
  assert.equal(facts(topic), [1, 2, 3, 0.25])
  const broker = {
    'log.cleaner.delete.retention.ms': '4',
    'log.cleaner.min.compaction.lag.ms': '5',
    'log.cleaner.max.compaction.lag.ms': '6',
    'log.cleaner.min.cleanable.ratio': '0.75',
  }
  assert.equal(facts(settings({}, broker)), [4, 5, 6, 0.75])
})

test('policies, storage and codecs are read from their lists', () => {
  const both = settings({
    'cleanup.policy': ' compact , delete ',
    'safka.storage': 'ring',
    'safka.ring.bytes': '65536',
  })
  assert.equal([both.isCompacted, both.isDeleted, both.storage, both.ringBytes], [true, true, 'ring', 65_536])
  assert.is(settings({ 'compression.type': 'zstd' }).compressionType, 'zstd')
  assert.is(settings({ 'message.timestamp.type': 'LogAppendTime' }).timestampType, 'LogAppendTime')
})

test("the sync policy is what Kafka's flush configs ask for, and the broker's own where they are silent", () => {
  const policy = (topic: Record<string, string>, broker: Record<string, string> = {}) => {
    const { sync, flushMessages, flushMs } = settings(topic, broker)
    return [sync, flushMessages, flushMs]
  }
  const always = ['every', 1, never]
  assert.equal(policy({ 'flush.messages': '1' }), always)
  assert.equal(policy({ 'flush.ms': '0' }), always)
  assert.equal(policy({ 'flush.messages': '1000', 'flush.ms': '50' }), ['every', 1000, 50])
  assert.equal(policy({ 'flush.messages': '1000' }), ['every', 1000, never])
  assert.equal(policy({ 'flush.ms': '50' }), ['interval', never, 50])
  assert.equal(policy({}, { 'log.flush.interval.ms': '70' }), ['interval', never, 70])
  assert.equal(policy({}, { 'log.flush.interval.messages': '9' }), ['every', 9, never])
  assert.equal(policy({}, { 'log.flush.scheduler.interval.ms': '80' }), ['interval', never, 80])
  assert.equal(policy({ 'flush.ms': '50' }, { 'log.flush.scheduler.interval.ms': '80' }), ['interval', never, 50])
  assert.equal(policy({}, { 'safka.sync': 'every' }), always)
  assert.equal(policy({}, { 'safka.sync': 'interval' }), ['interval', never, 1_000])
  assert.equal(policy({ 'flush.ms': '50' }, { 'safka.sync': 'every' }), ['interval', never, 50])
})

test('the levels of gzip and zstd are those of the codec that the topic names', () => {
  const level = (configs: Record<string, string>): number => settings(configs).compressionLevel
  assert.is(level({ 'compression.type': 'gzip', 'compression.gzip.level': '9', 'compression.zstd.level': '7' }), 9)
  assert.is(level({ 'compression.type': 'gzip' }), -1)
  assert.is(level({ 'compression.type': 'zstd' }), 3)
  assert.is(settings({ 'compression.type': 'zstd' }, { 'compression.zstd.level': '-5' }).compressionLevel, -5)
})

test('how often retention looks is up to the broker', () => {
  assert.is(settings({}, { 'log.retention.check.interval.ms': '1000' }).retentionCheckMs, 1_000)
})

test('every default is valid by its own definition', () => {
  for (const definition of [...topicConfigs.values(), ...brokerConfigs.values(), ...groupConfigs.values()]) {
    if (definition.defaultValue === null) continue
    assert.is(configValueProblem(definition, definition.defaultValue), undefined, definition.name)
  }
})

test('bounds are compared exactly, also near 2^63', () => {
  const definition = topicConfigs.get('flush.ms')
  assert.ok(definition)
  if (definition === undefined) return
  assert.is(configValueProblem(definition, '9223372036854775807'), undefined)
  assert.match(configValueProblem(definition, '9223372036854775808') ?? '', 'Not a number of type LONG')
  assert.is(configValueProblem(definition, '0'), undefined)
  assert.match(configValueProblem(definition, '-1') ?? '', 'Value must be at least 0')
})

test('the generated definitions are what Kafka says', () => {
  assert.equal(generateConfigs({ write: false }), [])
})

test('a list with a long row of spaces in it is read as fast as any', () => {
  const definition = topicConfigs.get('cleanup.policy')
  const start = performance.now()
  const problem = definition && configValueProblem(definition, `compact${' '.repeat(32_700)}delete`)
  assert.ok(problem?.startsWith('Invalid value'))
  assert.ok(performance.now() - start < 600)
})

test.run()
