/** The requests that only consumer groups have (KIP-848): ConsumerGroupHeartbeat, ConsumerGroupDescribe. */

import {
  type ConsumerGroupDescribeRequest,
  consumerGroupDescribeApi,
} from '../../wire/generated/consumer-group-describe.ts'
import {
  type ConsumerGroupHeartbeatRequest,
  type ConsumerGroupHeartbeatResponse,
  consumerGroupHeartbeatApi,
} from '../../wire/generated/consumer-group-heartbeat.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { Waiter } from '../waiter.ts'
import { checkHeartbeat } from './consumer/checks.ts'
import { type DescribedConsumerGroup, describeConsumerError, describeConsumerGroup } from './consumer/describe.ts'
import { decideConsumerHeartbeat, refusedHeartbeat } from './consumer/heartbeat.ts'
import { requesterOf } from './decision.ts'
import { Gather } from './gather.ts'
import type { GroupCall, GroupHandler, GroupService } from './service.ts'

/** By API key. */
export const consumerHandlers: readonly (readonly [number, GroupHandler])[] = [
  [consumerGroupHeartbeatApi.key, handleHeartbeat],
  [consumerGroupDescribeApi.key, handleDescribe],
]

function handleHeartbeat(service: GroupService, { context, request, reply }: GroupCall): void {
  const heartbeat = request as ConsumerGroupHeartbeatRequest
  const { groupId } = heartbeat
  const { apiVersion } = context
  const waiter: Waiter<ConsumerGroupHeartbeatResponse> = {
    answer: reply,
    refuse: (errorCode) => reply(refusedHeartbeat({ errorCode, message: null })),
  }
  if (!service.settings.consumer.isEnabled) {
    waiter.refuse(ErrorCode.UNSUPPORTED_VERSION)
    return
  }
  const refused = checkHeartbeat(heartbeat, { apiVersion, settings: service.settings })
  if (refused !== undefined) {
    reply(refusedHeartbeat(refused))
    return
  }
  service.decide(groupId, waiter, (decision, group) => {
    const isOneTooMany = group === undefined && heartbeat.memberEpoch === 0 && !service.hasRoomForGroup()
    const response = isOneTooMany
      ? refusedHeartbeat({
          errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED,
          message: 'The broker has no room for a group.',
        })
      : decideConsumerHeartbeat({ decision, group, request: heartbeat, requester: requesterOf(context) })
    decision.answer(waiter, response)
    service.noteConnection(context.connectionId, groupId)
  })
}

function handleDescribe(service: GroupService, { request, reply }: GroupCall): void {
  const { groupIds, includeAuthorizedOperations: asksOperations } = request as ConsumerGroupDescribeRequest
  const gather = new Gather<DescribedConsumerGroup>(groupIds.length, (groups) => reply({ throttleTimeMs: 0, groups }))
  for (const [index, groupId] of groupIds.entries()) {
    const waiter = gather.waiterAt(index, (errorCode) => describeConsumerError(groupId, { errorCode, message: null }))
    if (!service.settings.consumer.isEnabled) {
      waiter.refuse(ErrorCode.UNSUPPORTED_VERSION)
      continue
    }
    service.decide(groupId, waiter, (decision, group) => {
      decision.answer(waiter, describeConsumerGroup(groupId, group, { ports: decision.ports, asksOperations }))
    })
  }
}
