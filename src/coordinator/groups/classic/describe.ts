/** A classic group as DescribeGroups and ListGroups show it. */

import type { DescribeGroupsResponse } from '../../../wire/generated/describe-groups.ts'
import { ErrorCode } from '../../../wire/generated/errors.ts'
import type { ListGroupsResponse } from '../../../wire/generated/list-groups.ts'
import type { Group } from '../group.ts'
import { metadataFor, noAssignment } from './state.ts'

/** Without an authorizer everything that can be done to a group is allowed: read, delete, describe, describe and alter configs. */
export const allOperations = (1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11)
/** Kafka's way to say that the client did not ask. */
export const operationsNotAsked = -2_147_483_648

export type DescribedGroup = DescribeGroupsResponse['groups'][number]
export type ListedGroup = ListGroupsResponse['groups'][number]

/** A group, or what stands for one that does not exist or is of another kind. */
export function describeGroup(
  groupId: string,
  group: Group | undefined,
  { apiVersion, asksOperations }: { readonly apiVersion: number; readonly asksOperations: boolean },
): DescribedGroup {
  if (group === undefined) {
    return describeMissingGroup(groupId, { apiVersion, asksOperations, reason: `Group ${groupId} not found.` })
  }
  if (group.consumer !== undefined) {
    const reason = `Group ${groupId} is not a classic group.`
    return describeMissingGroup(groupId, { apiVersion, asksOperations, reason })
  }
  const { classic } = group
  const isStable = classic.state === 'Stable'
  return {
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    groupId,
    groupState: classic.state,
    protocolType: classic.protocolType ?? '',
    protocolData: isStable ? (classic.protocol ?? '') : '',
    members: Array.from(classic.members.values(), (member) => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: isStable ? metadataFor(member, classic.protocol) : noAssignment,
      memberAssignment: member.assignment,
    })),
    authorizedOperations: asksOperations ? allOperations : operationsNotAsked,
  }
}

/** An entry that only carries an error. */
export function describeError(groupId: string, errorCode: number, errorMessage: string | null = null): DescribedGroup {
  return {
    errorCode,
    errorMessage,
    groupId,
    groupState: '',
    protocolType: '',
    protocolData: '',
    members: [],
    authorizedOperations: operationsNotAsked,
  }
}

export function listGroup(group: Group): ListedGroup {
  return {
    groupId: group.id,
    protocolType: group.classic.protocolType ?? '',
    groupState: group.classic.state,
    groupType: 'classic',
  }
}

/** Up to version 5 a missing group is a dead one; from version 6 it is an error as well. */
function describeMissingGroup(
  groupId: string,
  {
    apiVersion,
    asksOperations,
    reason,
  }: { readonly apiVersion: number; readonly asksOperations: boolean; readonly reason: string },
): DescribedGroup {
  if (apiVersion >= 6) {
    const missing = describeError(groupId, ErrorCode.GROUP_ID_NOT_FOUND, reason)
    return { ...missing, groupState: 'Dead' }
  }
  const authorizedOperations = asksOperations ? allOperations : operationsNotAsked
  return { ...describeError(groupId, ErrorCode.NONE), groupState: 'Dead', authorizedOperations }
}
