/** The requests of administrators: DescribeGroups, ListGroups, DeleteGroups. */

import {
  type DeleteGroupsRequest,
  type DeleteGroupsResponse,
  deleteGroupsApi,
} from '../../wire/generated/delete-groups.ts'
import { type DescribeGroupsRequest, describeGroupsApi } from '../../wire/generated/describe-groups.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import { type ListGroupsRequest, type ListGroupsResponse, listGroupsApi } from '../../wire/generated/list-groups.ts'
import { decideGroupDelete } from '../offsets/removal.ts'
import { type DescribedGroup, describeError, describeGroup, type ListedGroup, listGroup } from './classic/describe.ts'
import { listConsumerGroup } from './consumer/describe.ts'
import { Gather } from './gather.ts'
import type { Group } from './group.ts'
import type { GroupCall, GroupHandler, GroupService } from './service.ts'

/** By API key. */
export const adminHandlers: readonly (readonly [number, GroupHandler])[] = [
  [describeGroupsApi.key, handleDescribe],
  [listGroupsApi.key, handleList],
  [deleteGroupsApi.key, handleDelete],
]

function handleDescribe(service: GroupService, { context, request, reply }: GroupCall): void {
  const { groups: groupIds, includeAuthorizedOperations: asksOperations } = request as DescribeGroupsRequest
  const { apiVersion } = context
  const gather = new Gather<DescribedGroup>(groupIds.length, (groups) => reply({ throttleTimeMs: 0, groups }))
  for (const [index, groupId] of groupIds.entries()) {
    const waiter = gather.waiterAt(index, (errorCode) => describeError(groupId, errorCode))
    service.decide(groupId, waiter, (decision, group) => {
      decision.answer(waiter, describeGroup(groupId, group, { apiVersion, asksOperations }))
    })
  }
}

function handleDelete(service: GroupService, { request, reply }: GroupCall): void {
  const { groupsNames } = request as DeleteGroupsRequest
  type Result = DeleteGroupsResponse['results'][number]
  const gather = new Gather<Result>(groupsNames.length, (results) => reply({ throttleTimeMs: 0, results }))
  for (const [index, groupId] of groupsNames.entries()) {
    const waiter = gather.waiterAt(index, (errorCode) => ({ groupId, errorCode }))
    service.decide(groupId, waiter, (decision, group) => {
      decision.answer(waiter, { groupId, errorCode: decideGroupDelete(decision, group) })
    })
  }
}

/** Lists every shard's groups as they are now; the answer waits for every shard's last append. */
function handleList(service: GroupService, { request, reply }: GroupCall): void {
  const { statesFilter, typesFilter } = request as ListGroupsRequest
  const states = new Set(statesFilter.map((state) => state.trim().toLowerCase()))
  const types = new Set(typesFilter.map((type) => type.trim().toLowerCase()))
  const isAsked = ({ groupState, groupType }: ListedGroup): boolean =>
    (states.size === 0 || states.has(groupState.toLowerCase())) && (types.size === 0 || types.has(groupType))
  const gather = new Gather<ListedPart>(service.shards.length, (parts) => reply(listResponse(parts)))
  for (const [index, shard] of service.shards.entries()) {
    const waiter = gather.waiterAt(index, (errorCode) => ({ errorCode, groups: [] }))
    if (shard.isLoading) {
      waiter.refuse(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
      continue
    }
    const groups = Array.from(shard.groups.values(), listAnyGroup).filter(isAsked)
    shard.lane.answerAfter(shard.lane.lastSequence, waiter, { errorCode: ErrorCode.NONE, groups })
  }
}

function listAnyGroup(group: Group): ListedGroup {
  return group.consumer === undefined ? listGroup(group) : listConsumerGroup(group, group.consumer)
}

type ListedPart = Pick<ListGroupsResponse, 'errorCode' | 'groups'>

/** A list that misses a shard would look complete: any shard's error is the answer's. */
function listResponse(parts: readonly ListedPart[]): ListGroupsResponse {
  const failed = parts.find(({ errorCode }) => errorCode !== ErrorCode.NONE)
  if (failed !== undefined) return { throttleTimeMs: 0, errorCode: failed.errorCode, groups: [] }
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, groups: parts.flatMap(({ groups }) => groups) }
}
