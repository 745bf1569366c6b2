/** The requests of a group's members: JoinGroup, SyncGroup, Heartbeat, LeaveGroup. */

import { assertDefined } from '../../base/assert.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import { type HeartbeatRequest, type HeartbeatResponse, heartbeatApi } from '../../wire/generated/heartbeat.ts'
import {
  type JoinGroupRequest,
  type JoinGroupResponse,
  joinGroupApi,
  makeJoinGroupResponse,
} from '../../wire/generated/join-group.ts'
import {
  type LeaveGroupRequest,
  type LeaveGroupResponse,
  leaveGroupApi,
  makeLeaveGroupResponse,
} from '../../wire/generated/leave-group.ts'
import {
  makeSyncGroupResponse,
  type SyncGroupRequest,
  type SyncGroupResponse,
  syncGroupApi,
} from '../../wire/generated/sync-group.ts'
import type { Waiter } from '../waiter.ts'
import { decideHeartbeat } from './classic/heartbeat.ts'
import { checkFirstJoin, checkJoin, decideJoin, decideNewGroup } from './classic/join.ts'
import { decideLeave } from './classic/leave.ts'
import { decideSync } from './classic/sync.ts'
import { requesterOf } from './decision.ts'
import type { Group } from './group.ts'
import type { GroupCall, GroupHandler, GroupService } from './service.ts'

/** By API key. */
export const memberHandlers: readonly (readonly [number, GroupHandler])[] = [
  [joinGroupApi.key, handleJoin],
  [heartbeatApi.key, handleHeartbeat],
  [leaveGroupApi.key, handleLeave],
  [syncGroupApi.key, handleSync],
]

function handleJoin(service: GroupService, { context, request, reply }: GroupCall): void {
  const join = request as JoinGroupRequest
  const { groupId, memberId } = join
  // From version 7 there is a way to say that there is no protocol, and Kafka uses it with every error.
  const noProtocol = context.apiVersion >= 7 ? null : ''
  const waiter: Waiter<JoinGroupResponse> = {
    answer: (response) =>
      reply(response.errorCode === ErrorCode.NONE ? response : { ...response, protocolName: noProtocol }),
    refuse: (errorCode) => reply(makeJoinGroupResponse({ memberId, errorCode, protocolName: noProtocol })),
  }
  const refused = checkJoin(join, service.settings)
  if (refused !== ErrorCode.NONE) {
    waiter.refuse(refused)
    return
  }
  service.decide(groupId, waiter, (decision, present) => {
    // A group of offsets only becomes one with members by its first join.
    const isNew = present?.classic.isRecorded !== true
    const errorCode = isNew ? checkNewGroup(service, join, present) : ErrorCode.NONE
    if (errorCode !== ErrorCode.NONE) {
      decision.answer(waiter, makeJoinGroupResponse({ memberId, errorCode }))
      return
    }
    if (isNew) decideNewGroup(decision, groupId)
    const group = assertDefined(service.shardOf(groupId).groups.get(groupId), 'a new group is missing')
    decideJoin({ decision, group, request: join, requester: requesterOf(context), waiter })
    service.noteConnection(context.connectionId, groupId)
  })
}

function checkNewGroup(service: GroupService, join: JoinGroupRequest, present: Group | undefined): number {
  const errorCode = checkFirstJoin(join)
  if (errorCode !== ErrorCode.NONE || present !== undefined) return errorCode
  return service.hasRoomForGroup() ? ErrorCode.NONE : ErrorCode.GROUP_MAX_SIZE_REACHED
}

function handleSync(service: GroupService, { context, request, reply }: GroupCall): void {
  const sync = request as SyncGroupRequest
  const waiter: Waiter<SyncGroupResponse> = {
    answer: reply,
    refuse: (errorCode) => reply(makeSyncGroupResponse({ errorCode })),
  }
  service.decide(sync.groupId, waiter, (decision, group) => {
    decideSync({ decision, group, request: sync, requester: requesterOf(context), waiter })
  })
}

function handleHeartbeat(service: GroupService, { request, reply }: GroupCall): void {
  const heartbeat = request as HeartbeatRequest
  const waiter: Waiter<HeartbeatResponse> = {
    answer: reply,
    refuse: (errorCode) => {
      // While the group is loaded nobody knows better, and the member need not do anything: Kafka says so too.
      const isLoading = errorCode === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
      reply({ throttleTimeMs: 0, errorCode: isLoading ? ErrorCode.NONE : errorCode })
    },
  }
  service.decide(heartbeat.groupId, waiter, (decision, group) => {
    decision.answer(waiter, { throttleTimeMs: 0, errorCode: decideHeartbeat(decision, group, heartbeat) })
  })
}

function handleLeave(service: GroupService, { context, request, reply }: GroupCall): void {
  const leave = request as LeaveGroupRequest
  const { apiVersion } = context
  const waiter: Waiter<LeaveGroupResponse> = {
    answer: reply,
    refuse: (errorCode) => reply(makeLeaveGroupResponse({ errorCode })),
  }
  service.decide(leave.groupId, waiter, (decision, group) => {
    decision.answer(waiter, decideLeave(decision, group, { request: leave, apiVersion }))
  })
}
