/** What an Apache Kafka's metadata must say, and must not, so that its folder can be taken over. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { JournalRecord } from '../../src/coordinator/ports.ts'
import { MetadataSurvey } from '../../src/coordinator/topics/metadata-survey.ts'
import { abortMetadataTransaction, CommittedRecords } from '../../src/coordinator/topics/metadata-transactions.ts'
import {
  beginRecord,
  changeRecord,
  configRecord,
  directoryId,
  endRecord,
  featureRecord,
  framed,
  partitionRecord,
  topicRecord,
} from './metadata-records.ts'

const successor = { nodeId: 1, directoryId: directoryId.toString('hex') }

function surveyOf(...records: readonly JournalRecord[]): MetadataSurvey {
  const survey = new MetadataSurvey()
  for (const record of records) survey.take(record)
  return survey
}

test('one node with all replicas in sync can be followed', () => {
  const survey = surveyOf(featureRecord('metadata.version', 30), topicRecord(), partitionRecord())
  assert.is(survey.problemFor(successor), undefined)
  assert.equal(survey.topics(), [{ name: 'orders', partitions: [0] }])
  assert.equal(survey.leftOut(), [])
})

test('a node that was stopped in order is out of sync with nobody: it may lead again', () => {
  const stopped = changeRecord({ isr: [], leader: -1, eligibleLeaderReplicas: [1], lastKnownElr: [1] })
  assert.is(surveyOf(topicRecord(), partitionRecord(), stopped).problemFor(successor), undefined)
})

test('a newer metadata.version is refused by number', () => {
  const problem = surveyOf(featureRecord('metadata.version', 31)).problemFor(successor)
  assert.match(problem ?? '', /metadata.version is 31, of a newer Apache Kafka than 4.3/)
})

test('partitions of other nodes, behind others, in other folders, or partly in remote storage are refused by name', () => {
  const elsewhere = Buffer.alloc(16, 1)
  const cases: readonly (readonly [JournalRecord, RegExp])[] = [
    [partitionRecord({ replicas: [2, 3], isr: [2] }), /orders-0 has its replicas on nodes 2, 3, not on this one/],
    [partitionRecord({ replicas: [1, 2], isr: [2] }), /orders-0 was not in sync here: .* node 2 may have/],
    [partitionRecord({ directories: [elsewhere] }), /orders-0 lies in another of the log folders/],
  ]
  for (const [record, sentence] of cases) {
    assert.match(surveyOf(topicRecord(), record).problemFor(successor) ?? '', sentence)
  }
  const tiered = [topicRecord(), configRecord('remote.storage.enable', 'true'), partitionRecord()]
  assert.match(surveyOf(...tiered).problemFor(successor) ?? '', /topic orders keeps segments in remote storage/)
  const untiered = surveyOf(...tiered, configRecord('remote.storage.enable', 'false'))
  assert.is(untiered.problemFor(successor), undefined)
})

test('a folder without ids of folders, or not told yet, is taken for this one', () => {
  for (const directories of [[], [Buffer.alloc(16)], [Buffer.from(`${'0'.repeat(31)}1`, 'hex')]]) {
    assert.is(surveyOf(topicRecord(), partitionRecord({ directories })).problemFor(successor), undefined)
  }
})

test('what has no counterpart here is counted, and unknown types by number', () => {
  const credential = framed(11, 0, () => undefined)
  const unknown = framed(77, 0, () => undefined)
  const noOperation = framed(20, 0, () => undefined)
  const survey = surveyOf(credential, credential, unknown, noOperation)
  assert.equal(survey.leftOut(), ['2 SCRAM credentials', '1 records of the unknown type 77'])
})

test('records of a metadata transaction count at its end, all at once', () => {
  const seen: JournalRecord[] = []
  const committed = new CommittedRecords((record) => seen.push(record))
  committed.take(beginRecord())
  committed.take(topicRecord())
  committed.take(partitionRecord())
  assert.is(seen.length, 0)
  assert.ok(committed.isOpen)
  committed.take(endRecord())
  assert.equal(seen, [topicRecord(), partitionRecord()])
  assert.not(committed.isOpen)
})

test('records of an aborted metadata transaction never count, and those behind it do', () => {
  const seen: JournalRecord[] = []
  const committed = new CommittedRecords((record) => seen.push(record))
  for (const record of [beginRecord(), topicRecord(), abortMetadataTransaction(), configRecord('a', 'b')]) {
    committed.take(record)
  }
  assert.equal(seen, [configRecord('a', 'b')])
})

test.run()
