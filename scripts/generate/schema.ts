/** Loads Kafka's message schemas and resolves them: version ranges, structs, defaults, names. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Versions `min` to `max`, both included. */
export type Range = { readonly min: number; readonly max: number }

export type Primitive =
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'hash64'
  | 'uint16'
  | 'uint32'
  | 'float64'
  | 'bool'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'

/** What a field (or an array's element) holds. */
export type FieldType =
  | { readonly kind: 'primitive'; readonly name: Primitive }
  | { readonly kind: 'struct'; readonly struct: Struct }
  | { readonly kind: 'array'; readonly element: FieldType }

export type Field = {
  /** The property's name. */
  readonly name: string
  readonly type: FieldType
  /** Undefined where the field exists in no version of the message. */
  readonly versions: Range | undefined
  readonly nullable: Range | undefined
  readonly tag: number | undefined
  readonly isIgnorable: boolean
  readonly isNeverFlexible: boolean
  /** null, a number, a boolean or a string; undefined: the type's own zero. */
  readonly default: null | number | boolean | string | undefined
}

export type Struct = {
  /** The TypeScript type's name. */
  readonly typeName: string
  readonly fields: Field[]
}

export type Message = {
  readonly name: string
  /** request, response, header, data, metadata, coordinator-key or coordinator-value. */
  readonly type: string
  readonly apiKey: number | undefined
  readonly versions: Range
  /** First flexible version, or 32767. */
  readonly flexibleMin: number
  readonly isLatestUnstable: boolean
  readonly root: Struct
  /** All structs but the root, inner ones first. */
  readonly structs: Struct[]
}

type JsonField = {
  name: string
  type: string
  versions?: string
  nullableVersions?: string
  taggedVersions?: string
  flexibleVersions?: string
  tag?: number
  default?: null | number | boolean | string
  ignorable?: boolean
  fields?: JsonField[]
}

type JsonMessage = {
  apiKey?: number
  type: string
  name: string
  validVersions: string
  flexibleVersions?: string
  latestVersionUnstable?: boolean
  fields: JsonField[]
  commonStructs?: { name: string; versions?: string; fields: JsonField[] }[]
}

/** The version that stands for "no such version". */
export const neverVersion = 32_767

const primitives: readonly string[] = [
  ...['int8', 'int16', 'int32', 'int64', 'uint16', 'uint32', 'float64'],
  ...['bool', 'uuid', 'string', 'bytes', 'records'],
]

/** All messages below `folder` that have valid versions, ordered by name. */
export function loadMessages(folder: string): Message[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json') && path !== 'errors.json')
    .map((path) => JSON.parse(readFileSync(join(folder, path), 'utf8')) as JsonMessage)
    .filter((json) => json.validVersions !== 'none')
    .map(resolveMessage)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function resolveMessage(json: JsonMessage): Message {
  const versions = parseRange(json.validVersions)
  if (versions === undefined) throw new Error(`${json.name} has no versions`)
  const resolution: Resolution = { json, structs: [], named: new Map() }
  const commons = (json.commonStructs ?? []).map((common) => {
    const struct: Struct = { typeName: json.name + common.name, fields: [] }
    resolution.named.set(common.name, struct)
    return { struct, fields: common.fields }
  })
  for (const { struct, fields } of commons) {
    struct.fields.push(...fields.map((field) => resolveField(resolution, field, versions)))
    resolution.structs.push(struct)
  }
  const fields = json.fields.map((field) => resolveField(resolution, field, versions))
  return {
    name: json.name,
    type: json.type,
    apiKey: json.apiKey,
    versions,
    flexibleMin: parseRange(json.flexibleVersions ?? 'none')?.min ?? neverVersion,
    isLatestUnstable: json.latestVersionUnstable === true,
    root: { typeName: json.name, fields },
    structs: resolution.structs,
  }
}

/** A message on its way: what it has defined so far. */
type Resolution = {
  readonly json: JsonMessage
  readonly structs: Struct[]
  readonly named: Map<string, Struct>
}

function resolveField(resolution: Resolution, field: JsonField, within: Range | undefined): Field {
  const tagged = field.taggedVersions === undefined ? undefined : parseRange(field.taggedVersions)
  const present = intersect(parseRange(field.versions ?? field.taggedVersions ?? 'none'), within)
  if (tagged !== undefined && JSON.stringify(intersect(tagged, within)) !== JSON.stringify(present)) {
    throw new Error(
      `${resolution.json.name}.${field.name} is tagged in some versions only: the generator knows no such`,
    )
  }
  return {
    name: lowerFirst(field.name),
    type: resolveType(resolution, field.type, field, present),
    versions: present,
    nullable: field.nullableVersions === undefined ? undefined : parseRange(field.nullableVersions),
    tag: tagged === undefined ? undefined : field.tag,
    isIgnorable: field.ignorable === true,
    isNeverFlexible: field.flexibleVersions === 'none',
    default: parseDefault(field),
  }
}

function resolveType(resolution: Resolution, type: string, field: JsonField, within: Range | undefined): FieldType {
  if (type.startsWith('[]')) return { kind: 'array', element: resolveType(resolution, type.slice(2), field, within) }
  // A hash uses all 64 bits, so the bounds of other int64s would refuse most of them.
  if (type === 'int64' && field.name === 'MetadataHash') return { kind: 'primitive', name: 'hash64' }
  if (primitives.includes(type)) return { kind: 'primitive', name: type as Primitive }
  const { json, structs, named } = resolution
  const known = named.get(type)
  if (field.fields === undefined) {
    if (known === undefined) throw new Error(`${json.name}.${field.name} has the unknown type ${type}`)
    return { kind: 'struct', struct: known }
  }
  if (known !== undefined) throw new Error(`${json.name} defines ${type} twice`)
  const struct: Struct = { typeName: json.name + type, fields: [] }
  named.set(type, struct)
  struct.fields.push(...field.fields.map((inner) => resolveField(resolution, inner, within)))
  structs.push(struct)
  return { kind: 'struct', struct }
}

function parseDefault(field: JsonField): Field['default'] {
  const value = field.default
  if (value === 'null') return null
  // A bare null in the schema counts as no default at all in Kafka's generator; only the word 'null' means null.
  if (value === null || value === undefined || value === '') return undefined
  if (field.type === 'string') return value
  if (field.type === 'bool') return value === true || value === 'true'
  const parsed = Number(value)
  if (Number.isNaN(parsed)) throw new Error(`${field.name} has the default ${value}, which is no number`)
  return parsed
}

function parseRange(text: string): Range | undefined {
  if (text === 'none') return undefined
  const match = /^(\d+)(\+|-(\d+))?$/.exec(text)
  if (match === null) throw new Error(`${text} is no range of versions`)
  const min = Number(match[1])
  if (match[2] === undefined) return { min, max: min }
  return { min, max: match[3] === undefined ? neverVersion : Number(match[3]) }
}

/** The versions that lie in both ranges. */
export function intersect(first: Range | undefined, second: Range | undefined): Range | undefined {
  if (first === undefined || second === undefined) return undefined
  const min = Math.max(first.min, second.min)
  const max = Math.min(first.max, second.max)
  return min <= max ? { min, max } : undefined
}

export function includes(range: Range | undefined, version: number): boolean {
  return range !== undefined && version >= range.min && version <= range.max
}

export function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}

/** 'OffsetCommitValue' → 'offset-commit-value'. */
export function kebab(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase()
}

/** The name of an API without Request or Response. */
export function apiName(message: Message): string {
  return message.name.replace(/(Request|Response)$/, '')
}
