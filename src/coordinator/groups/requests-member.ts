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
import { checkSyncRequest, decideSync } from './classic/sync.ts'
import { decideClassicJoin } from './consumer/classic-join.ts'
import {
  decideConsumerClassicHeartbeat,
  decideConsumerClassicLeave,
  decideConsumerSync,
} from './consumer/classic-members.ts'
import { writeGroupRemoval, writer } from './consumer/write.ts'
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
    if (present?.consumer !== undefined && present.consumer.members.size > 0) {
      const { consumer } = present
      const requester = requesterOf(context)
      decision.answer(waiter, decideClassicJoin({ decision, group: present, consumer, request: join, requester }))
      service.noteConnection(context.connectionId, groupId)
      return
    }
    // A group of offsets only becomes one with members by its first join, as does a consumer group that nobody is in.
    const isNew = present?.classic.isRecorded !== true
    const errorCode = isNew ? checkNewGroup(service, join, present) : ErrorCode.NONE
    if (errorCode !== ErrorCode.NONE) {
      decision.answer(waiter, makeJoinGroupResponse({ memberId, errorCode }))
      return
    }
    if (present?.consumer !== undefined) writeGroupRemoval(writer(decision, groupId), present.consumer)
    if (isNew) decideNewGroup(decision, groupId)
    const group = assertDefined(decision.current(), 'a new group is missing')
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
  const refused = checkSyncRequest(sync, context.apiVersion)
  if (refused !== ErrorCode.NONE) {
    waiter.refuse(refused)
    return
  }
  service.decide(sync.groupId, waiter, (decision, group) => {
    if (group?.consumer === undefined) decideSync({ decision, group, request: sync, waiter })
    else decision.answer(waiter, decideConsumerSync(decision, group.consumer, sync))
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
    const errorCode =
      group?.consumer === undefined
        ? decideHeartbeat(decision, group, heartbeat)
        : decideConsumerClassicHeartbeat(decision, group.consumer, heartbeat)
    decision.answer(waiter, { throttleTimeMs: 0, errorCode })
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
    const response =
      group?.consumer === undefined
        ? decideLeave(decision, group, { request: leave, apiVersion })
        : decideConsumerClassicLeave(decision, group.consumer, { request: leave, apiVersion })
    decision.answer(waiter, response)
  })
}
