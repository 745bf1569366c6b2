/** Records of __consumer_offsets as Apache Kafka 4.3.1 wrote them: read, and written again to the same bytes. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { groupPartition } from '../../src/coordinator/groups/group-partition.ts'
import { decodeRecord, encodeRecord } from '../../src/coordinator/groups/records.ts'
import recorded from './groups-kafka-records.json' with { type: 'json' }

for (const { kind, partition, key, value } of recorded) {
  test(`a record of kind "${kind}" comes out as Kafka wrote it, in the partition where Kafka put it`, () => {
    const bytes = { key: Buffer.from(key, 'hex'), value: value === null ? null : Buffer.from(value, 'hex') }
    const record = decodeRecord(bytes)
    if (record === undefined) throw new Error('not understood')
    assert.is(record.kind, kind.split(' ')[0])
    assert.equal(encodeRecord(record), bytes)
    assert.is(groupPartition(record.groupId, 50), partition)
  })
}

test('a committed offset under the oldest key version is read all the same', () => {
  const offset = recorded.find(({ kind }) => kind.startsWith('offset') && kind !== 'offset tombstone')
  if (offset?.value === undefined || offset.value === null) throw new Error('no such record')
  const key = Buffer.from(offset.key, 'hex')
  const record = decodeRecord({ key, value: Buffer.from(offset.value, 'hex') })
  key.writeInt16BE(0, 0)
  assert.equal(decodeRecord({ key, value: Buffer.from(offset.value, 'hex') }), record)
})

test.run()
