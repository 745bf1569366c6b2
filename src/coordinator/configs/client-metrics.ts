/** The configs of a subscription to clients' metrics (KIP-714), with Kafka's rules for them (ClientMetricsConfigs). */

import { ErrorCode } from '../../wire/generated/errors.ts'
import { compilePattern, type Pattern } from '../groups/consumer/pattern.ts'
import type { Refusal } from './alter.ts'
import { clientMetricsConfigs } from './definitions.ts'
import type { ConfigMap } from './effective.ts'
import { configValueProblem, listOf } from './validate.ts'

const intervalMs = { min: 100, max: 3_600_000 } as const

/** What a pattern can look at. */
export type ClientTrait =
  | 'client_instance_id'
  | 'client_id'
  | 'client_software_name'
  | 'client_software_version'
  | 'client_source_address'
  | 'client_source_port'

const traits: ReadonlySet<string> = new Set<ClientTrait>([
  'client_instance_id',
  'client_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
  'client_source_port',
])

/** What a client must be like for a subscription to be meant for it: each trait as a whole matches its pattern. */
export type ClientMatch = ReadonlyMap<ClientTrait, Pattern>

/** Why a subscription's configs, all of them as they would be, are refused; undefined where they are not. */
export function clientMetricsRefusal(configs: ConfigMap): Refusal | undefined {
  for (const name of configs.keys()) {
    if (!clientMetricsConfigs.has(name)) {
      return { errorCode: ErrorCode.INVALID_REQUEST, message: `Unknown client metrics configuration: ${name}` }
    }
  }
  for (const [name, value] of configs) {
    const definition = clientMetricsConfigs.get(name)
    const problem = definition === undefined ? undefined : configValueProblem(definition, value)
    if (problem !== undefined) return { errorCode: ErrorCode.INVALID_CONFIG, message: problem }
  }
  const interval = configs.get('interval.ms')
  if (interval !== undefined && (Number(interval) < intervalMs.min || Number(interval) > intervalMs.max)) {
    const message = `Invalid value ${interval} for interval.ms, interval must be between 100 and 3600000 (1 hour)`
    return { errorCode: ErrorCode.INVALID_REQUEST, message }
  }
  const match = clientMatchOf(configs.get('match') ?? '')
  return typeof match === 'string' ? { errorCode: ErrorCode.INVALID_CONFIG, message: match } : undefined
}

/**
 * Reads `trait=pattern,trait=pattern`; a sentence where that cannot be done. Patterns are RE2's, not Java's: what those can do
 * besides (looking back, referring back) may take for ever, and is refused.
 */
export function clientMatchOf(text: string): ClientMatch | string {
  const match = new Map<ClientTrait, Pattern>()
  for (const part of listOf(text)) {
    const [name = '', pattern = '', ...rest] = javaSplit(part)
    const trait = name.trim()
    const compiled = pattern === '' || rest.length > 0 || !isTrait(trait) ? undefined : compiledOf(pattern.trim())
    if (compiled === undefined || !isTrait(trait)) return `Illegal client matching pattern: ${part}`
    match.set(trait, compiled)
  }
  return match
}

/** Java's split leaves out empty parts at the end. */
function javaSplit(text: string): string[] {
  const parts = text.split('=')
  while (parts.at(-1) === '') parts.pop()
  return parts
}

function isTrait(name: string): name is ClientTrait {
  return traits.has(name)
}

function compiledOf(pattern: string): Pattern | undefined {
  const compiled = compilePattern(pattern)
  return 'matches' in compiled ? compiled : undefined
}
