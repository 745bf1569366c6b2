/** How broker configs, and each other, bound the configs of groups, as Kafka's GroupConfig looks at them. */

import { ErrorCode } from '../../wire/generated/errors.ts'
import type { DecidedConfigs, Refusal } from './alter.ts'
import { type BrokerConfigLayers, brokerConfigValue, type ConfigMap, groupConfigValue } from './effective.ts'

/** Kinds of groups whose members' sessions must be longer than the time between heartbeats. */
const kindsWithSessions = ['consumer', 'share', 'streams'] as const

/** What each of them bounds by configs of its own. */
const boundedNumbers = ['heartbeat.interval.ms', 'session.timeout.ms', 'assignment.interval.ms'] as const

type Bound = { readonly name: string; readonly value: number | undefined }

/** Why what was decided for a group, after which its configs are `next`, cannot be; undefined if it can. */
export function groupConfigRefusal(
  decided: DecidedConfigs,
  next: ConfigMap,
  layers: BrokerConfigLayers,
): Refusal | undefined {
  const refused = (message: string): Refusal => ({ errorCode: ErrorCode.INVALID_CONFIG, message })
  for (const [name, value] of decided) {
    if (value === null) continue
    const least = boundOf(name, 'min', layers)
    if (least.value !== undefined && Number(value) < least.value) {
      return refused(`${name} must be greater than or equal to ${least.name}`)
    }
    const most = boundOf(name, 'max', layers)
    if (most.value !== undefined && Number(value) > most.value) {
      return refused(`${name} must be less than or equal to ${most.name}`)
    }
  }
  for (const kind of kindsWithSessions) {
    const session = `${kind}.session.timeout.ms`
    const heartbeat = `${kind}.heartbeat.interval.ms`
    if (Number(groupConfigValue(session, next, layers)) <= Number(groupConfigValue(heartbeat, next, layers))) {
      return refused(`${session} must be greater than ${heartbeat}`)
    }
  }
  return undefined
}

/** A group's number as it counts: one that was set while the broker's bounds were wider is brought within them. */
export function boundedGroupNumber(name: string, overrides: ConfigMap, layers: BrokerConfigLayers): number {
  const value = Number(groupConfigValue(name, overrides, layers))
  if (!overrides.has(name)) return value
  const least = boundOf(name, 'min', layers).value ?? value
  const most = boundOf(name, 'max', layers).value ?? value
  return Math.min(Math.max(value, least), most)
}

/** Why a broker must not start with these configs: what holds for all groups is out of its own bounds. undefined: it may. */
export function brokerBoundsProblem(layers: BrokerConfigLayers): string | undefined {
  const numberOf = (name: string): number => Number(brokerConfigValue(name, layers))
  for (const kind of kindsWithSessions) {
    for (const what of boundedNumbers) {
      const [name, least, most] = ['', 'min.', 'max.'].map((side) => `group.${kind}.${side}${what}`)
      if (name === undefined || least === undefined || most === undefined) continue
      if (numberOf(most) < numberOf(least)) return `${most} must be greater than or equal to ${least}`
      if (numberOf(name) < numberOf(least)) return `${name} must be greater than or equal to ${least}`
      if (numberOf(name) > numberOf(most)) return `${name} must be less than or equal to ${most}`
    }
    const heartbeat = `group.${kind}.heartbeat.interval.ms`
    const session = `group.${kind}.session.timeout.ms`
    if (numberOf(heartbeat) >= numberOf(session)) return `${heartbeat} must be less than ${session}`
  }
  return undefined
}

/** `consumer.session.timeout.ms` is bounded by `group.consumer.min.session.timeout.ms`, and so on. */
function boundOf(name: string, side: 'min' | 'max', layers: BrokerConfigLayers): Bound {
  const [kind, ...rest] = name.split('.')
  const boundName = `group.${kind}.${side}.${rest.join('.')}`
  const value = brokerConfigValue(boundName, layers)
  return { name: boundName, value: value === null ? undefined : Number(value) }
}
