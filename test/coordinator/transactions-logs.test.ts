/** What administrators ask of transactions as partitions' logs have them. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { markersMax } from '../../src/coordinator/transactions/limits.ts'
import {
  type DescribeProducersResponse,
  makeDescribeProducersRequest,
} from '../../src/wire/generated/describe-producers.ts'
import { errorName } from '../../src/wire/generated/errors.ts'
import { makeWriteTxnMarkersRequest, type WriteTxnMarkersResponse } from '../../src/wire/generated/write-txn-markers.ts'
import { TransactionFixture } from './transaction-fixture.ts'

test('administrators see which producers a partition knows', async () => {
  const fixture = new TransactionFixture()
  const topics = [
    { name: 't', partitionIndexes: [2, 9] },
    { name: 'none', partitionIndexes: [0] },
  ]
  const call = fixture.send<DescribeProducersResponse>(61, makeDescribeProducersRequest({ topics }), 0)
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  const partitions = call.response?.topics.flatMap((topic) => topic.partitions) ?? []
  assert.equal(
    partitions.map(({ errorCode }) => errorCode),
    [0, 3, 3],
  )
  assert.equal(partitions[0]?.activeProducers, [
    {
      producerId: 1,
      producerEpoch: 2,
      lastSequence: 4,
      lastTimestamp: 1,
      coordinatorEpoch: 0,
      currentTxnStartOffset: 5,
    },
  ])
})

test('a partition that is named twice is described once', async () => {
  const fixture = new TransactionFixture()
  const topics = [
    { name: 't', partitionIndexes: [2, 2] },
    { name: 't', partitionIndexes: [2, 1] },
  ]
  const call = fixture.send<DescribeProducersResponse>(61, makeDescribeProducersRequest({ topics }), 0)
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  const partitions = call.response?.topics.flatMap((topic) => topic.partitions) ?? []
  assert.equal(
    partitions.map(({ errorCode }) => errorName(errorCode)),
    ['NONE', 'INVALID_REQUEST', 'INVALID_REQUEST', 'NONE'],
  )
})

test('one request writes only so many markers', () => {
  const fixture = new TransactionFixture()
  const topics = [{ name: 't', partitionIndexes: new Array(markersMax + 1).fill(1) }]
  const marker = {
    producerId: 7,
    producerEpoch: 3,
    transactionResult: false,
    coordinatorEpoch: 2,
    transactionVersion: 0,
  }
  const request = makeWriteTxnMarkersRequest({ markers: [{ ...marker, topics }] })
  const { response } = fixture.send<WriteTxnMarkersResponse>(27, request, 1)
  const partitions = response?.markers[0]?.topics[0]?.partitions ?? []
  assert.equal(
    [partitions[0], partitions.at(-1)].map((partition) => errorName(partition?.errorCode ?? -1)),
    ['NONE', 'INVALID_REQUEST'],
  )
  assert.is(fixture.marks.log.length, markersMax)
})

test('administrators end a transaction that hangs in one partition', () => {
  const fixture = new TransactionFixture()
  const markers = [
    {
      producerId: 7,
      producerEpoch: 3,
      transactionResult: false,
      topics: [{ name: 't', partitionIndexes: [1, 9] }],
      coordinatorEpoch: 2,
      transactionVersion: 0,
    },
  ]
  const { response } = fixture.send<WriteTxnMarkersResponse>(27, makeWriteTxnMarkersRequest({ markers }), 1)
  assert.equal(response?.markers[0]?.topics[0]?.partitions, [
    { partitionIndex: 1, errorCode: 0 },
    { partitionIndex: 9, errorCode: 3 },
  ])
  assert.equal(fixture.marks.log, ['t/1 abort 7/3'])
})

test.run()
