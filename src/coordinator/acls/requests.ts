/** Decides CreateAcls and DeleteAcls and answers DescribeAcls, as Kafka's StandardAuthorizer does. */

import type { Random } from '../../base/random.ts'
import {
  type CreateAclsRequest,
  type CreateAclsResponse,
  makeCreateAclsResponse,
  makeCreateAclsResponseAclCreationResult,
} from '../../wire/generated/create-acls.ts'
import {
  type DeleteAclsRequest,
  type DeleteAclsResponse,
  makeDeleteAclsResponse,
  makeDeleteAclsResponseDeleteAclsFilterResult,
  makeDeleteAclsResponseDeleteAclsMatchingAcl,
} from '../../wire/generated/delete-acls.ts'
import {
  type DescribeAclsRequest,
  type DescribeAclsResponse,
  makeDescribeAclsResponse,
  makeDescribeAclsResponseAclDescription,
  makeDescribeAclsResponseDescribeAclsResource,
} from '../../wire/generated/describe-acls.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { Refusal } from '../configs/alter.ts'
import { type Decision, unchanged } from '../topics/decision.ts'
import type { MetadataRecord } from '../topics/records.ts'
import { type Acl, type Acls, aclText, matches } from './acl.ts'
import { aclRefusal, filterRefusal, isTooBroad } from './rules.ts'

/** Entries that one request may add, or one filter remove: Kafka's limit for what goes into its log at once. */
export const aclsAtOnceMax = 10_000

const tooManyToAdd: Refusal = {
  errorCode: ErrorCode.POLICY_VIOLATION,
  message: 'Unable to perform excessively large batch operation.',
}
const tooManyToRemove: Refusal = { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, message: null }
const tooBroad: Refusal = { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, message: null }

/** Decides a CreateAcls request, entry by entry; one that is there already is fine. */
export function decideCreateAcls(
  acls: Acls,
  { creations }: CreateAclsRequest,
  random: Random,
): Decision<CreateAclsResponse> {
  const wished = creations.map(
    ({ resourcePatternType, ...rest }): Acl => ({ ...rest, patternType: resourcePatternType }),
  )
  if (wished.some(isTooBroad)) return unchanged(refuseCreateAcls({ creations }, tooBroad))
  const added = new Map<string, MetadataRecord>()
  const results = wished.map((acl) => {
    const refusal = aclRefusal(acl)
    if (refusal === undefined && !acls.has(acl) && !added.has(aclText(acl))) {
      added.set(aclText(acl), { kind: 'acl', id: random.uuid().toString('hex'), acl })
    }
    return makeCreateAclsResponseAclCreationResult({
      errorCode: refusal?.errorCode ?? ErrorCode.NONE,
      errorMessage: refusal?.message ?? '',
    })
  })
  if (added.size > aclsAtOnceMax) return unchanged(refuseCreateAcls({ creations }, tooManyToAdd))
  return { records: [...added.values()], touched: [], response: makeCreateAclsResponse({ results }) }
}

/** The whole request refused for one reason. */
export function refuseCreateAcls(
  { creations }: CreateAclsRequest,
  { errorCode, message }: Refusal,
): CreateAclsResponse {
  const results = creations.map(() => makeCreateAclsResponseAclCreationResult({ errorCode, errorMessage: message }))
  return makeCreateAclsResponse({ results })
}

/** Decides a DeleteAcls request; an entry that several filters find is told by each of them. */
export function decideDeleteAcls(acls: Acls, { filters }: DeleteAclsRequest): Decision<DeleteAclsResponse> {
  const removed = new Set<string>()
  const filterResults = filters.map((filter) => {
    const refusal = filterRefusal(filter)
    if (refusal !== undefined) return filterResult(refusal, [])
    const found = [...acls.all()].filter(([, acl]) => matches(filter, acl))
    if (found.length > aclsAtOnceMax) return filterResult(tooManyToRemove, [])
    for (const [id] of found) removed.add(id)
    return filterResult(
      { errorCode: ErrorCode.NONE, message: null },
      found.map(([, acl]) => acl),
    )
  })
  const records = [...removed].map((id): MetadataRecord => ({ kind: 'remove-acl', id }))
  return { records, touched: [], response: makeDeleteAclsResponse({ filterResults }) }
}

/** The whole request refused for one reason. */
export function refuseDeleteAcls({ filters }: DeleteAclsRequest, refusal: Refusal): DeleteAclsResponse {
  return makeDeleteAclsResponse({ filterResults: filters.map(() => filterResult(refusal, [])) })
}

/** Answers a DescribeAcls request: what the filter finds, by resource. A filter of unknown kinds finds nothing. */
export function answerDescribeAcls(acls: Acls, request: DescribeAclsRequest): DescribeAclsResponse {
  const resources = new Map<string, DescribeAclsResponse['resources'][number]>()
  const isKnown = filterRefusal(request) === undefined
  for (const [, acl] of isKnown ? acls.all() : []) {
    if (!matches(request, acl)) continue
    const { resourceType, resourceName, patternType: pattern, principal, host, operation, permissionType } = acl
    const key = JSON.stringify([resourceType, pattern, resourceName])
    const resource =
      resources.get(key) ??
      makeDescribeAclsResponseDescribeAclsResource({ resourceType, resourceName, patternType: pattern, acls: [] })
    resources.set(key, resource)
    resource.acls.push(makeDescribeAclsResponseAclDescription({ principal, host, operation, permissionType }))
  }
  return makeDescribeAclsResponse({ errorMessage: '', resources: [...resources.values()] })
}

/** The whole request refused. */
export function refuseDescribeAcls({ errorCode, message }: Refusal): DescribeAclsResponse {
  return makeDescribeAclsResponse({ errorCode, errorMessage: message, resources: [] })
}

function filterResult(
  { errorCode, message }: Refusal,
  found: readonly Acl[],
): DeleteAclsResponse['filterResults'][number] {
  return makeDeleteAclsResponseDeleteAclsFilterResult({
    errorCode,
    errorMessage: message,
    matchingAcls: found.map((acl) => makeDeleteAclsResponseDeleteAclsMatchingAcl({ errorMessage: null, ...acl })),
  })
}
