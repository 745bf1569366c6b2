/** Checks a config's value by its type and by what its definition calls valid, with Kafka's own messages. */

import type { ConfigDefinition } from './definitions.ts'

const wholeNumberRange = {
  INT: { min: -(2n ** 31n), max: 2n ** 31n - 1n },
  SHORT: { min: -(2n ** 15n), max: 2n ** 15n - 1n },
  LONG: { min: -(2n ** 63n), max: 2n ** 63n - 1n },
} as const

/** What is wrong with `value` for the config, in Kafka's words; undefined where nothing is. */
export function configValueProblem(definition: ConfigDefinition, value: string): string | undefined {
  // One of Kafka's defaults is an empty list where lists must not be empty.
  if (value === definition.defaultValue) return undefined
  const reason = typeProblem(definition, value.trim()) ?? rangeProblem(definition, value.trim())
  if (reason === undefined) return undefined
  const shown = reason.value ?? shownValue(definition, value)
  return `Invalid value ${shown} for configuration ${definition.name}: ${reason.text}`
}

/** Java prints a whole double with one digit behind the point. */
function shownValue(definition: ConfigDefinition, value: string): string {
  return definition.type === 'DOUBLE' && /^\s*-?\d+\s*$/.test(value) ? `${value.trim()}.0` : value
}

/** A list config's parts. */
export function listOf(value: string): string[] {
  const trimmed = value.trim()
  // Not one expression for comma and spaces: it would look at a long row of spaces once for each of them.
  return trimmed === '' ? [] : trimmed.split(',').map((part) => part.trim())
}

/** What is wrong with `max.connections.per.ip.overrides`, in the words that Java has for it: `address:count,address:count`. */
export function connectionOverridesProblem(name: string, value: string): string | undefined {
  if (name !== 'max.connections.per.ip.overrides') return undefined
  for (const part of listOf(value)) {
    const at = part.lastIndexOf(':')
    const count = part.slice(at + 1).trim()
    if (at >= 0 && /^[+-]?\d{1,9}$/.test(count)) continue
    if (at >= 0) return `For input string: "${count}"`
    return `Error parsing configuration property '${name}': begin 0, end -1, length ${part.length}`
  }
  return undefined
}

type Reason = { readonly text: string; readonly value?: string }

function typeProblem(definition: ConfigDefinition, value: string): Reason | undefined {
  switch (definition.type) {
    case 'INT':
    case 'SHORT':
    case 'LONG': {
      const range = wholeNumberRange[definition.type]
      const isWhole = /^[+-]?\d{1,20}$/.test(value)
      const number = isWhole ? BigInt(value.replace(/^\+/, '')) : 0n
      if (isWhole && number >= range.min && number <= range.max) return undefined
      return { text: `Not a number of type ${definition.type}` }
    }
    case 'DOUBLE':
      return value !== '' && Number.isFinite(Number(value)) ? undefined : { text: 'Not a number of type DOUBLE' }
    case 'BOOLEAN':
      return /^(true|false)$/i.test(value) ? undefined : { text: 'Expected value to be either true or false' }
    default:
      return undefined
  }
}

function rangeProblem(definition: ConfigDefinition, value: string): Reason | undefined {
  const valid = definition.valid
  if (valid === null || valid === '') return undefined
  const range = /^\[(-?[\d.]+?),\.\.\.(?:,(-?[\d.]+?))?\](?: or (-?\d+))?$/.exec(valid)
  if (range !== null) return numberRangeProblem(value, range)
  if (valid.startsWith('[partitionId]')) return throttledReplicasProblem(definition, value)
  if (valid.includes('by_duration')) return offsetResetProblem(definition, value)
  const choices = /^(\(case insensitive\) )?\[([^\]]*)\]$/.exec(valid)
  if (choices !== null) return choiceProblem(definition, value, choices)
  if (valid === 'non-empty string' && value === '') return { text: 'String must be non-empty' }
  if (valid === 'non-empty list' && value === '') return { text: 'Configuration value must not be empty' }
  return undefined
}

/** Kafka prints the bounds as it prints the numbers of that type, so they are taken from the definition's own text. */
function numberRangeProblem(value: string, range: RegExpExecArray): Reason | undefined {
  const [, least = '', most, exception] = range
  if (exception !== undefined && BigInt(value) === BigInt(exception)) return undefined
  const isBelow = compareNumbers(value, least) < 0
  const isAbove = most !== undefined && compareNumbers(value, most) > 0
  if (!isBelow && !isAbove) return undefined
  if (exception !== undefined) return { text: `Value must be between ${least} and ${most} or equal to ${exception}` }
  return { text: isBelow ? `Value must be at least ${least}` : `Value must be no more than ${most}` }
}

/** Compares exactly: a LONG near 2^63 must not be rounded. */
function compareNumbers(left: string, right: string): number {
  if (/^-?\d+$/.test(left) && /^-?\d+$/.test(right)) {
    const difference = BigInt(left) - BigInt(right)
    return difference < 0n ? -1 : difference > 0n ? 1 : 0
  }
  return Number(left) - Number(right)
}

function choiceProblem(definition: ConfigDefinition, value: string, choices: RegExpExecArray): Reason | undefined {
  const [, caseMark, list = ''] = choices
  const allowed = list.split(/\s*,\s*/)
  if (definition.type === 'LIST') {
    const parts = listOf(value)
    const wrong = parts.find((part) => !allowed.includes(part))
    return wrong === undefined ? undefined : { text: `String must be one of: ${allowed.join(', ')}`, value: wrong }
  }
  if (caseMark !== undefined && allowed.includes(value.toUpperCase())) return undefined
  if (allowed.includes(value)) return undefined
  return { text: `String must be one of${caseMark === undefined ? '' : ' (case insensitive)'}: ${allowed.join(', ')}` }
}

function throttledReplicasProblem(definition: ConfigDefinition, value: string): Reason | undefined {
  const parts = listOf(value)
  const isValid =
    parts.length === 0 ||
    (parts.length === 1 && (parts[0] === '*' || parts[0] === 'none')) ||
    parts.every((part) => /^\d+:\d+$/.test(part))
  if (isValid) return undefined
  const format = '[partitionId]:[brokerId],[partitionId]:[brokerId],...'
  const text = `${definition.name} must be the literal '*' or a list of replicas in the following format: ${format}`
  return { text, value: `[${parts.join(', ')}]` }
}

function offsetResetProblem(definition: ConfigDefinition, value: string): Reason | undefined {
  if (/^(latest|earliest)$/i.test(value) || /^by_duration:P(?=.)/i.test(value)) return undefined
  const choices = "either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'"
  return { text: `Invalid value \`${value}\` for configuration ${definition.name}. The value must be ${choices}.` }
}
