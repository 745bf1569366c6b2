/** Kafka's rules for quotas, in its own words: which entities there are, and which limits they can have. */

import type { DescribeClientQuotasRequest } from '../../wire/generated/describe-client-quotas.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { Refusal } from '../configs/alter.ts'
import type { QuotaEntity } from './state.ts'

/** How a filter names entities: by name, the default one, or any. */
export const matchTypes = { exact: 0, default: 1, any: 2 } as const

type NumberKind = { readonly name: string; readonly isWhole: boolean; readonly max: number }

const double: NumberKind = { name: 'a DOUBLE', isWhole: false, max: Number.MAX_VALUE }
const long: NumberKind = { name: 'a LONG', isWhole: true, max: 2 ** 63 }
const int: NumberKind = { name: 'an INT', isWhole: true, max: 2 ** 31 - 1 }

const userQuotas: ReadonlyMap<string, NumberKind> = new Map([
  ['producer_byte_rate', long],
  ['consumer_byte_rate', long],
  ['request_percentage', double],
  ['controller_mutation_rate', double],
])
const addressQuotas: ReadonlyMap<string, NumberKind> = new Map([['connection_creation_rate', int]])

const entityTypes: ReadonlySet<string> = new Set(['user', 'client-id', 'ip'])
/** Kafka takes a value as whole that is as near to one as this. */
const wholeTolerance = 1e-6
/** An IPv4 address, or what has the characters of an IPv6 address. */
const address = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*)$/

/** What is wrong with an entity that quotas are to be set on. */
export function entityProblem(entity: QuotaEntity): string | undefined {
  if (entity.size === 0) return 'Invalid empty client quota entity'
  for (const [type, name] of entity) {
    if (!entityTypes.has(type)) return `Unhandled client quota entity type: ${type}`
    if (name === '') return `Empty ${type} not supported`
  }
  if (!entity.has('ip')) return undefined
  if (entity.size > 1) {
    return 'Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId'
  }
  const ip = entity.get('ip') ?? null
  // Kafka would also take a host's name and look it up.
  return ip === null || address.test(ip) ? undefined : `${ip} is not a valid IP or resolvable host.`
}

/** What is wrong with one limit for an entity. */
export function quotaProblem(entity: QuotaEntity, key: string, value: number): string | undefined {
  const kind = (entity.has('ip') ? addressQuotas : userQuotas).get(key)
  if (kind === undefined) return `Invalid configuration key ${key}`
  if (!(value > 0)) return `Quota ${key} must be greater than 0`
  if (value > kind.max) return `Proposed value for ${key} is too large for ${kind.name}.`
  const isFraction = Math.abs(Math.trunc(value + wholeTolerance) - value) > wholeTolerance
  return kind.isWhole && isFraction ? `${key} cannot be a fractional value.` : undefined
}

/** Why a filter cannot be answered. */
export function filterProblem(components: DescribeClientQuotasRequest['components']): Refusal | undefined {
  const invalid = (message: string): Refusal => ({ errorCode: ErrorCode.INVALID_REQUEST, message })
  const types = new Set<string>()
  for (const { entityType, matchType, match } of components) {
    if (entityType === '') return invalid('Invalid empty entity type.')
    if (types.has(entityType)) return invalid(`Entity type ${entityType} cannot appear more than once in the filter.`)
    if (!entityTypes.has(entityType)) {
      return { errorCode: ErrorCode.UNSUPPORTED_VERSION, message: `Unsupported entity type ${entityType}` }
    }
    types.add(entityType)
    const problem = matchProblem(matchType, match)
    if (problem !== undefined) return invalid(problem)
  }
  if (!types.has('ip') || types.size === 1) return undefined
  const rule = 'IP filter component should not be used with user or clientId filter component.'
  return invalid(`Invalid entity filter component combination. ${rule}`)
}

function matchProblem(matchType: number, match: string | null): string | undefined {
  switch (matchType) {
    case matchTypes.exact:
      return match === null ? 'Request specified MATCH_TYPE_EXACT, but set match string to null.' : undefined
    case matchTypes.default:
      return match === null ? undefined : 'Request specified MATCH_TYPE_DEFAULT, but also specified a match string.'
    case matchTypes.any:
      return match === null ? undefined : 'Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.'
    default:
      return `Unknown match type ${matchType}`
  }
}
