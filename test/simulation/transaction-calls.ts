/** The calls of transactional producers, each answered with its one error code. */

import type { Call } from '../../src/client/calls.ts'
import {
  addOffsetsToTxnApi,
  decodeAddOffsetsToTxnResponse,
  encodeAddOffsetsToTxnRequest,
  makeAddOffsetsToTxnRequest,
} from '../../src/wire/generated/add-offsets-to-txn.ts'
import {
  addPartitionsToTxnApi,
  decodeAddPartitionsToTxnResponse,
  encodeAddPartitionsToTxnRequest,
  makeAddPartitionsToTxnRequest,
} from '../../src/wire/generated/add-partitions-to-txn.ts'
import {
  decodeEndTxnResponse,
  type EndTxnResponse,
  encodeEndTxnRequest,
  endTxnApi,
  makeEndTxnRequest,
} from '../../src/wire/generated/end-txn.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import {
  decodeTxnOffsetCommitResponse,
  encodeTxnOffsetCommitRequest,
  makeTxnOffsetCommitRequest,
  txnOffsetCommitApi,
} from '../../src/wire/generated/txn-offset-commit.ts'
import type { Client } from './client.ts'

type Producer = { readonly producerId: number; readonly producerEpoch: number }
type Answer = { readonly errorCode: number }

const addPartitionsCall = {
  ...addPartitionsToTxnApi,
  encode: encodeAddPartitionsToTxnRequest,
  decode: decodeAddPartitionsToTxnResponse,
}
const addOffsetsCall = {
  ...addOffsetsToTxnApi,
  encode: encodeAddOffsetsToTxnRequest,
  decode: decodeAddOffsetsToTxnResponse,
}
const commitCall = {
  ...txnOffsetCommitApi,
  encode: encodeTxnOffsetCommitRequest,
  decode: decodeTxnOffsetCommitResponse,
}
const endCall: Call<Parameters<typeof encodeEndTxnRequest>[1], EndTxnResponse> = {
  ...endTxnApi,
  encode: encodeEndTxnRequest,
  decode: decodeEndTxnResponse,
}

const noAnswer = ErrorCode.UNKNOWN_SERVER_ERROR

export async function addPartitions(
  client: Client,
  transactionalId: string,
  { producerId, producerEpoch }: Producer,
  topic: string,
  index: number,
): Promise<Answer> {
  const request = makeAddPartitionsToTxnRequest({
    v3AndBelowTransactionalId: transactionalId,
    v3AndBelowProducerId: producerId,
    v3AndBelowProducerEpoch: producerEpoch,
    v3AndBelowTopics: [{ name: topic, partitions: [index] }],
  })
  const { resultsByTopicV3AndBelow } = await client.ask(addPartitionsCall, request, 3)
  return { errorCode: resultsByTopicV3AndBelow[0]?.resultsByPartition[0]?.partitionErrorCode ?? noAnswer }
}

export function addOffsets(
  client: Client,
  transactionalId: string,
  producer: Producer,
  groupId: string,
): Promise<Answer> {
  return client.ask(addOffsetsCall, makeAddOffsetsToTxnRequest({ transactionalId, groupId, ...producer }), 3)
}

export async function commitInTransaction(
  client: Client,
  transactionalId: string,
  producer: Producer,
  at: { readonly groupId: string; readonly topic: string; readonly index: number; readonly offset: number },
  version: number,
): Promise<Answer> {
  const partition = { partitionIndex: at.index, committedOffset: at.offset, committedLeaderEpoch: -1 }
  const request = makeTxnOffsetCommitRequest({
    transactionalId,
    groupId: at.groupId,
    generationId: -1,
    memberId: '',
    topics: [{ name: at.topic, partitions: [{ ...partition, committedMetadata: '' }] }],
    ...producer,
  })
  const { topics } = await client.ask(commitCall, request, version)
  return { errorCode: topics[0]?.partitions[0]?.errorCode ?? noAnswer }
}

export function endTransaction(
  client: Client,
  transactionalId: string,
  producer: Producer,
  committed: boolean,
  version: number,
): Promise<EndTxnResponse> {
  return client.ask(endCall, makeEndTxnRequest({ transactionalId, committed, ...producer }), version)
}
