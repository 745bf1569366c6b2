/** The APIs that the client calls: each one's facts and its codecs, so that a call is typed from end to end. */

import {
  addOffsetsToTxnApi,
  decodeAddOffsetsToTxnResponse,
  encodeAddOffsetsToTxnRequest,
} from '../wire/generated/add-offsets-to-txn.ts'
import {
  addPartitionsToTxnApi,
  decodeAddPartitionsToTxnResponse,
  encodeAddPartitionsToTxnRequest,
} from '../wire/generated/add-partitions-to-txn.ts'
import {
  alterConfigsApi,
  decodeAlterConfigsResponse,
  encodeAlterConfigsRequest,
} from '../wire/generated/alter-configs.ts'
import { apiVersionsApi, decodeApiVersionsResponse, encodeApiVersionsRequest } from '../wire/generated/api-versions.ts'
import {
  consumerGroupDescribeApi,
  decodeConsumerGroupDescribeResponse,
  encodeConsumerGroupDescribeRequest,
} from '../wire/generated/consumer-group-describe.ts'
import {
  createPartitionsApi,
  decodeCreatePartitionsResponse,
  encodeCreatePartitionsRequest,
} from '../wire/generated/create-partitions.ts'
import {
  createTopicsApi,
  decodeCreateTopicsResponse,
  encodeCreateTopicsRequest,
} from '../wire/generated/create-topics.ts'
import {
  decodeDeleteGroupsResponse,
  deleteGroupsApi,
  encodeDeleteGroupsRequest,
} from '../wire/generated/delete-groups.ts'
import {
  decodeDeleteRecordsResponse,
  deleteRecordsApi,
  encodeDeleteRecordsRequest,
} from '../wire/generated/delete-records.ts'
import {
  decodeDeleteTopicsResponse,
  deleteTopicsApi,
  encodeDeleteTopicsRequest,
} from '../wire/generated/delete-topics.ts'
import {
  decodeDescribeClusterResponse,
  describeClusterApi,
  encodeDescribeClusterRequest,
} from '../wire/generated/describe-cluster.ts'
import {
  decodeDescribeConfigsResponse,
  describeConfigsApi,
  encodeDescribeConfigsRequest,
} from '../wire/generated/describe-configs.ts'
import {
  decodeDescribeGroupsResponse,
  describeGroupsApi,
  encodeDescribeGroupsRequest,
} from '../wire/generated/describe-groups.ts'
import { decodeEndTxnResponse, encodeEndTxnRequest, endTxnApi } from '../wire/generated/end-txn.ts'
import { decodeFetchResponse, encodeFetchRequest, fetchApi } from '../wire/generated/fetch.ts'
import {
  decodeFindCoordinatorResponse,
  encodeFindCoordinatorRequest,
  findCoordinatorApi,
} from '../wire/generated/find-coordinator.ts'
import { decodeHeartbeatResponse, encodeHeartbeatRequest, heartbeatApi } from '../wire/generated/heartbeat.ts'
import {
  decodeIncrementalAlterConfigsResponse,
  encodeIncrementalAlterConfigsRequest,
  incrementalAlterConfigsApi,
} from '../wire/generated/incremental-alter-configs.ts'
import {
  decodeInitProducerIdResponse,
  encodeInitProducerIdRequest,
  initProducerIdApi,
} from '../wire/generated/init-producer-id.ts'
import { decodeJoinGroupResponse, encodeJoinGroupRequest, joinGroupApi } from '../wire/generated/join-group.ts'
import { decodeLeaveGroupResponse, encodeLeaveGroupRequest, leaveGroupApi } from '../wire/generated/leave-group.ts'
import { decodeListGroupsResponse, encodeListGroupsRequest, listGroupsApi } from '../wire/generated/list-groups.ts'
import { decodeListOffsetsResponse, encodeListOffsetsRequest, listOffsetsApi } from '../wire/generated/list-offsets.ts'
import { decodeMetadataResponse, encodeMetadataRequest, metadataApi } from '../wire/generated/metadata.ts'
import {
  decodeOffsetCommitResponse,
  encodeOffsetCommitRequest,
  offsetCommitApi,
} from '../wire/generated/offset-commit.ts'
import { decodeOffsetFetchResponse, encodeOffsetFetchRequest, offsetFetchApi } from '../wire/generated/offset-fetch.ts'
import { decodeProduceResponse, encodeProduceRequest, produceApi } from '../wire/generated/produce.ts'
import { decodeSyncGroupResponse, encodeSyncGroupRequest, syncGroupApi } from '../wire/generated/sync-group.ts'
import {
  decodeTxnOffsetCommitResponse,
  encodeTxnOffsetCommitRequest,
  txnOffsetCommitApi,
} from '../wire/generated/txn-offset-commit.ts'
import type { Reader } from '../wire/reader.ts'
import type { Writer } from '../wire/writer.ts'

/** What it takes to call an API. */
export type Call<Request, Response> = {
  readonly key: number
  readonly name: string
  readonly versionMin: number
  /** The newest version that the client speaks. */
  readonly versionMax: number
  readonly encode: (writer: Writer, request: Request, version: number) => void
  readonly decode: (reader: Reader, version: number) => Response
}

type Facts = { readonly key: number; readonly name: string; readonly versionMin: number; readonly versionMax: number }

function call<Request, Response>(
  facts: Facts,
  encode: Call<Request, Response>['encode'],
  decode: Call<Request, Response>['decode'],
): Call<Request, Response> {
  return {
    key: facts.key,
    name: facts.name,
    versionMin: facts.versionMin,
    versionMax: facts.versionMax,
    encode,
    decode,
  }
}

export const addOffsetsToTxnCall = call(addOffsetsToTxnApi, encodeAddOffsetsToTxnRequest, decodeAddOffsetsToTxnResponse)
// From version 4 on it is spoken between brokers only (KIP-890).
export const addPartitionsToTxnCall = call(
  { ...addPartitionsToTxnApi, versionMax: 3 },
  encodeAddPartitionsToTxnRequest,
  decodeAddPartitionsToTxnResponse,
)
export const alterConfigsCall = call(alterConfigsApi, encodeAlterConfigsRequest, decodeAlterConfigsResponse)
export const apiVersionsCall = call(apiVersionsApi, encodeApiVersionsRequest, decodeApiVersionsResponse)
export const consumerGroupDescribeCall = call(
  consumerGroupDescribeApi,
  encodeConsumerGroupDescribeRequest,
  decodeConsumerGroupDescribeResponse,
)
export const createPartitionsCall = call(
  createPartitionsApi,
  encodeCreatePartitionsRequest,
  decodeCreatePartitionsResponse,
)
export const createTopicsCall = call(createTopicsApi, encodeCreateTopicsRequest, decodeCreateTopicsResponse)
export const deleteGroupsCall = call(deleteGroupsApi, encodeDeleteGroupsRequest, decodeDeleteGroupsResponse)
export const deleteRecordsCall = call(deleteRecordsApi, encodeDeleteRecordsRequest, decodeDeleteRecordsResponse)
export const deleteTopicsCall = call(deleteTopicsApi, encodeDeleteTopicsRequest, decodeDeleteTopicsResponse)
export const describeClusterCall = call(describeClusterApi, encodeDescribeClusterRequest, decodeDescribeClusterResponse)
export const describeConfigsCall = call(describeConfigsApi, encodeDescribeConfigsRequest, decodeDescribeConfigsResponse)
export const describeGroupsCall = call(describeGroupsApi, encodeDescribeGroupsRequest, decodeDescribeGroupsResponse)
export const endTxnCall = call(endTxnApi, encodeEndTxnRequest, decodeEndTxnResponse)
export const fetchCall = call(fetchApi, encodeFetchRequest, decodeFetchResponse)
export const findCoordinatorCall = call(findCoordinatorApi, encodeFindCoordinatorRequest, decodeFindCoordinatorResponse)
export const heartbeatCall = call(heartbeatApi, encodeHeartbeatRequest, decodeHeartbeatResponse)
export const incrementalAlterConfigsCall = call(
  incrementalAlterConfigsApi,
  encodeIncrementalAlterConfigsRequest,
  decodeIncrementalAlterConfigsResponse,
)
export const initProducerIdCall = call(initProducerIdApi, encodeInitProducerIdRequest, decodeInitProducerIdResponse)
export const joinGroupCall = call(joinGroupApi, encodeJoinGroupRequest, decodeJoinGroupResponse)
export const leaveGroupCall = call(leaveGroupApi, encodeLeaveGroupRequest, decodeLeaveGroupResponse)
export const listGroupsCall = call(listGroupsApi, encodeListGroupsRequest, decodeListGroupsResponse)
export const listOffsetsCall = call(listOffsetsApi, encodeListOffsetsRequest, decodeListOffsetsResponse)
export const metadataCall = call(metadataApi, encodeMetadataRequest, decodeMetadataResponse)
// From version 10 on these two name topics by id; names do for a client that looks topics up by name.
export const offsetCommitCall = call(
  { ...offsetCommitApi, versionMax: 9 },
  encodeOffsetCommitRequest,
  decodeOffsetCommitResponse,
)
export const offsetFetchCall = call(
  { ...offsetFetchApi, versionMax: 9 },
  encodeOffsetFetchRequest,
  decodeOffsetFetchResponse,
)
export const produceCall = call(produceApi, encodeProduceRequest, decodeProduceResponse)
export const syncGroupCall = call(syncGroupApi, encodeSyncGroupRequest, decodeSyncGroupResponse)
export const txnOffsetCommitCall = call(txnOffsetCommitApi, encodeTxnOffsetCommitRequest, decodeTxnOffsetCommitResponse)
