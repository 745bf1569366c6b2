/** Kafka's rules for access control lists, in its own words: which entries and filters make sense. */

import { ErrorCode } from '../../wire/generated/errors.ts'
import type { Refusal } from '../configs/alter.ts'
import { type Acl, type AclFilter, anyCode, patternType } from './acl.ts'

/** The greatest number that Kafka 4.3 has a name for; what is beyond counts as unknown. */
const known = { resourceType: 7, operation: 15, permissionType: 3, patternType: patternType.prefixed } as const

const clusterType = 4
const clusterName = 'kafka-cluster'

/** Kafka hangs up on who sends the number for "unknown" itself. */
export function isNonsense(asked: {
  readonly resourceType: number
  readonly patternType: number
  readonly operation: number
  readonly permissionType: number
}): boolean {
  return [asked.resourceType, asked.patternType, asked.operation, asked.permissionType].includes(0)
}

/** A filter's codes under the names that entries have for them. */
export function codesOf(filter: AclFilter): Parameters<typeof isNonsense>[0] {
  const { resourceTypeFilter, patternTypeFilter, operation, permissionType } = filter
  return { resourceType: resourceTypeFilter, patternType: patternTypeFilter, operation, permissionType }
}

/** Kafka cannot even take an entry that names no single resource, operation or permission: the whole request fails. */
export function isTooBroad(acl: Acl): boolean {
  const isAnyPattern = acl.patternType === patternType.any || acl.patternType === patternType.match
  return isAnyPattern || [acl.resourceType, acl.operation, acl.permissionType].includes(anyCode)
}

/** Why an entry is not taken; undefined where it is. */
export function aclRefusal(acl: Acl): Refusal | undefined {
  const message = aclProblem(acl)
  return message === undefined ? undefined : { errorCode: ErrorCode.INVALID_REQUEST, message }
}

function aclProblem(acl: Acl): string | undefined {
  if (acl.resourceType === clusterType && acl.resourceName !== clusterName) {
    return `The only valid name for the CLUSTER resource is ${clusterName}`
  }
  if (acl.resourceName === '') return 'Invalid empty resource name'
  if (!isKnown(acl.resourceType, known.resourceType)) return 'Invalid resourceType UNKNOWN'
  if (!isKnown(acl.patternType, known.patternType)) return 'Invalid patternType UNKNOWN'
  if (!isKnown(acl.operation, known.operation)) return 'Invalid operation UNKNOWN'
  if (!isKnown(acl.permissionType, known.permissionType)) return 'Invalid permissionType UNKNOWN'
  if (acl.principal.includes(':')) return undefined
  const reason = 'no colon is present separating the principal type from the principal name'
  return `Could not parse principal from \`${acl.principal}\` (${reason})`
}

/** Why a filter cannot say what to remove; undefined where it can. */
export function filterRefusal(filter: AclFilter): Refusal | undefined {
  const isPattern =
    isKnown(filter.resourceTypeFilter, known.resourceType) && isKnown(filter.patternTypeFilter, known.patternType)
  const isEntry = isKnown(filter.operation, known.operation) && isKnown(filter.permissionType, known.permissionType)
  if (isPattern && isEntry) return undefined
  return {
    errorCode: ErrorCode.INVALID_REQUEST,
    message: isPattern ? 'Unknown entryFilter.' : 'Unknown patternFilter.',
  }
}

function isKnown(code: number, greatest: number): boolean {
  return code > 0 && code <= greatest
}
