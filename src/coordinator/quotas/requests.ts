/** Decides AlterClientQuotas and answers DescribeClientQuotas: quotas are kept and told, with Kafka's rules for them. */

import {
  type AlterClientQuotasRequest,
  type AlterClientQuotasResponse,
  makeAlterClientQuotasResponse,
  makeAlterClientQuotasResponseEntityData,
  makeAlterClientQuotasResponseEntryData,
} from '../../wire/generated/alter-client-quotas.ts'
import {
  type DescribeClientQuotasRequest,
  type DescribeClientQuotasResponse,
  makeDescribeClientQuotasResponse,
  makeDescribeClientQuotasResponseEntityData,
  makeDescribeClientQuotasResponseEntryData,
  makeDescribeClientQuotasResponseValueData,
} from '../../wire/generated/describe-client-quotas.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { Refusal } from '../configs/alter.ts'
import type { Decision } from '../topics/decision.ts'
import type { MetadataRecord } from '../topics/records.ts'
import type { MetadataState } from '../topics/state.ts'
import { entityProblem, filterProblem, matchTypes, quotaProblem } from './rules.ts'
import { type QuotaEntity, quotaEntityText } from './state.ts'

type Operations = AlterClientQuotasRequest['entries'][number]['ops']

/** Decides an AlterClientQuotas request, entity by entity. */
export function decideAlterClientQuotas(
  state: MetadataState,
  request: AlterClientQuotasRequest,
): Decision<AlterClientQuotasResponse> {
  const records: MetadataRecord[] = []
  const entries = entitiesOf(request).map(({ entity, ops, isRepeated }) => {
    const refusal = isRepeated ? repeated(entity) : problemOf(entity, ops)
    if (refusal === undefined) records.push(...recordsOf(state, entity, ops))
    return alterEntry(entity, refusal ?? { errorCode: ErrorCode.NONE, message: null })
  })
  const response = makeAlterClientQuotasResponse({ entries })
  return { records: request.validateOnly ? [] : records, touched: [], response }
}

/** The whole request refused for one reason. */
export function refuseAlterClientQuotas(
  request: AlterClientQuotasRequest,
  refusal: Refusal,
): AlterClientQuotasResponse {
  const entries = entitiesOf(request).map(({ entity }) => alterEntry(entity, refusal))
  return makeAlterClientQuotasResponse({ entries })
}

/** Answers a DescribeClientQuotas request. */
export function answerDescribeClientQuotas(
  state: MetadataState,
  request: DescribeClientQuotasRequest,
): DescribeClientQuotasResponse {
  const problem = filterProblem(request.components)
  if (problem !== undefined) return refuseDescribeClientQuotas(problem)
  const { components, strict } = request
  const entries = [...state.quotas.all()]
    .filter(({ entity }) => isMatch(entity, components) && (!strict || entity.size === components.length))
    .map(({ entity, values }) =>
      makeDescribeClientQuotasResponseEntryData({
        entity: [...entity].map(([entityType, entityName]) =>
          makeDescribeClientQuotasResponseEntityData({ entityType, entityName }),
        ),
        values: [...values].map(([key, value]) => makeDescribeClientQuotasResponseValueData({ key, value })),
      }),
    )
  return makeDescribeClientQuotasResponse({
    errorMessage: '',
    entries: strict && components.length === 0 ? [] : entries,
  })
}

/** The whole request refused. */
export function refuseDescribeClientQuotas({ errorCode, message }: Refusal): DescribeClientQuotasResponse {
  return makeDescribeClientQuotasResponse({ errorCode, errorMessage: message, entries: null })
}

/** What the request says of each entity; one that it names twice is refused, as Kafka does, without a look at what it asks. */
function entitiesOf(
  request: AlterClientQuotasRequest,
): readonly { readonly entity: QuotaEntity; readonly ops: Operations; readonly isRepeated: boolean }[] {
  const byName = new Map<string, { entity: QuotaEntity; ops: Operations; isRepeated: boolean }>()
  for (const { entity: named, ops } of request.entries) {
    const pairs = named.map(({ entityType, entityName }) => [entityType, entityName] as const)
    const entity = new Map([...new Map(pairs)].sort(([left], [right]) => (left < right ? -1 : 1)))
    const name = quotaEntityText(entity)
    const isRepeated = byName.has(name) || new Set(ops.map(({ key }) => key)).size < ops.length
    byName.set(name, { entity, ops, isRepeated })
  }
  return [...byName.values()]
}

function repeated(entity: QuotaEntity): Refusal {
  const message = `Ignoring duplicate entity ClientQuotaEntity(entries=${quotaEntityText(entity)})`
  return { errorCode: ErrorCode.INVALID_REQUEST, message }
}

function problemOf(entity: QuotaEntity, ops: Operations): Refusal | undefined {
  let message = entityProblem(entity)
  for (const { key, value, remove } of ops) if (!remove) message ??= quotaProblem(entity, key, value)
  return message === undefined ? undefined : { errorCode: ErrorCode.INVALID_REQUEST, message }
}

function recordsOf(state: MetadataState, entity: QuotaEntity, ops: Operations): MetadataRecord[] {
  const present = state.quotas.of(entity)
  return ops
    .filter(({ key, value, remove }) => (remove ? present.has(key) : present.get(key) !== value))
    .map(({ key, value, remove }) => ({ kind: 'quota', entity, key, value: remove ? null : value }))
}

function isMatch(entity: QuotaEntity, components: DescribeClientQuotasRequest['components']): boolean {
  return components.every(({ entityType, matchType, match }) => {
    const name = entity.get(entityType)
    if (name === undefined) return false
    return matchType === matchTypes.any || name === (matchType === matchTypes.exact ? match : null)
  })
}

function alterEntry(entity: QuotaEntity, refusal: Refusal): AlterClientQuotasResponse['entries'][number] {
  return makeAlterClientQuotasResponseEntryData({
    errorCode: refusal.errorCode,
    errorMessage: refusal.message,
    entity: [...entity].map(([entityType, entityName]) =>
      makeAlterClientQuotasResponseEntityData({ entityType, entityName }),
    ),
  })
}
