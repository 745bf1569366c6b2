/** The requests about offsets: OffsetCommit, OffsetFetch, OffsetDelete. */

import { ErrorCode } from '../../wire/generated/errors.ts'
import {
  type OffsetCommitRequest,
  type OffsetCommitResponse,
  offsetCommitApi,
} from '../../wire/generated/offset-commit.ts'
import {
  type OffsetDeleteRequest,
  type OffsetDeleteResponse,
  offsetDeleteApi,
} from '../../wire/generated/offset-delete.ts'
import { type OffsetFetchRequest, offsetFetchApi } from '../../wire/generated/offset-fetch.ts'
import { commitError, decideCommit } from '../offsets/commit.ts'
import { type FetchedGroup, fetchError, fetchingGroups, fetchOffsets, fetchResponse } from '../offsets/fetch.ts'
import { decideOffsetDelete } from '../offsets/removal.ts'
import type { Waiter } from '../waiter.ts'
import { checkConsumerFetch } from './consumer/offset-checks.ts'
import { Gather } from './gather.ts'
import type { GroupCall, GroupHandler, GroupService } from './service.ts'

/** By API key. */
export const offsetHandlers: readonly (readonly [number, GroupHandler])[] = [
  [offsetCommitApi.key, handleCommit],
  [offsetFetchApi.key, handleFetch],
  [offsetDeleteApi.key, handleDelete],
]

function handleCommit(service: GroupService, { context, request, reply }: GroupCall): void {
  const commit = request as OffsetCommitRequest
  const { apiVersion } = context
  const waiter: Waiter<OffsetCommitResponse> = {
    answer: reply,
    refuse: (errorCode) => reply(commitError(commit, errorCode)),
  }
  service.decide(commit.groupId, waiter, (decision, group) => {
    if (group === undefined && !service.hasRoomForGroup()) {
      decision.answer(waiter, commitError(commit, ErrorCode.GROUP_MAX_SIZE_REACHED))
      return
    }
    decision.answer(waiter, decideCommit({ decision, group, request: commit, apiVersion }))
  })
}

function handleFetch(service: GroupService, { context, request, reply }: GroupCall): void {
  const fetch = request as OffsetFetchRequest
  const { apiVersion } = context
  const { topics } = service
  const asked = fetchingGroups(fetch, apiVersion)
  const gather = new Gather<FetchedGroup>(asked.length, (groups) => reply(fetchResponse(groups, apiVersion)))
  for (const [index, one] of asked.entries()) {
    const waiter = gather.waiterAt(index, (errorCode) => fetchError(one, retriableForFetch(errorCode), apiVersion))
    service.decide(one.groupId, waiter, (decision, group) => {
      const refused = group?.consumer === undefined ? ErrorCode.NONE : checkConsumerFetch(group.consumer, one)
      if (refused !== ErrorCode.NONE) {
        decision.answer(waiter, fetchError(one, refused, apiVersion))
        return
      }
      const isUnstable = (topic: string, partition: number): boolean =>
        fetch.requireStable && (group?.pending.has({ topic, partition }) ?? false)
      decision.answer(waiter, fetchOffsets(one, group?.offsets, { topics, apiVersion, isUnstable }))
    })
  }
}

/** Consumers before Kafka 3.9 do not retry this read on COORDINATOR_NOT_AVAILABLE. */
function retriableForFetch(errorCode: number): number {
  return errorCode === ErrorCode.COORDINATOR_NOT_AVAILABLE ? ErrorCode.NOT_COORDINATOR : errorCode
}

function handleDelete(service: GroupService, { request, reply }: GroupCall): void {
  const removal = request as OffsetDeleteRequest
  const waiter: Waiter<OffsetDeleteResponse> = {
    answer: reply,
    refuse: (errorCode) => reply({ errorCode, throttleTimeMs: 0, topics: [] }),
  }
  service.decide(removal.groupId, waiter, (decision, group) => {
    decision.answer(waiter, decideOffsetDelete(decision, group, removal))
  })
}
