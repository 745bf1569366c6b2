/** Emits the TypeScript type and the make function of a struct, with the defaults that both use. */

import type { Field, FieldType, Struct } from './schema.ts'

/** A field's TypeScript type. */
export function typeOf(field: Field): string {
  return field.nullable === undefined ? plainTypeOf(field.type) : `${plainTypeOf(field.type)} | null`
}

/** A type without regard to null. */
export function plainTypeOf(type: FieldType): string {
  if (type.kind === 'array') return `${plainTypeOf(type.element)}[]`
  if (type.kind === 'struct') return type.struct.typeName
  switch (type.name) {
    case 'bool':
      return 'boolean'
    case 'hash64':
      return 'bigint'
    case 'string':
      return 'string'
    case 'uuid':
    case 'bytes':
    case 'records':
      return 'Buffer'
    default:
      return 'number'
  }
}

/** The expression of a field's default. */
export function defaultOf(field: Field): string {
  if (field.default === null) return 'null'
  const type = field.type
  if (type.kind === 'array') return '[]'
  if (type.kind === 'struct') return `make${type.struct.typeName}()`
  switch (type.name) {
    case 'bool':
      return String(field.default ?? false)
    case 'string':
      return JSON.stringify(field.default ?? '').replaceAll('"', "'")
    case 'hash64':
      return `${field.default ?? 0}n`
    case 'uuid':
      return 'zeroUuid'
    case 'bytes':
      return 'emptyBytes'
    case 'records':
      return field.nullable === undefined ? 'emptyBytes' : 'null'
    default:
      return numberText(Number(field.default ?? 0))
  }
}

function numberText(value: number): string {
  if (value === 2 ** 63) return '2 ** 63'
  if (value === -(2 ** 63)) return '-(2 ** 63)'
  return String(value)
}

/** The condition under which `value` differs from the field's default. */
export function differsFromDefault(field: Field, value: string): string {
  const fallback = defaultOf(field)
  if (fallback === 'null') return `${value} !== null`
  const type = field.type
  const orNull = field.nullable === undefined ? '' : `${value} === null || `
  if (type.kind === 'array') return `${orNull}${value}.length !== 0`
  if (type.kind === 'struct') return `${orNull}!isDefault${type.struct.typeName}(${value})`
  if (type.name === 'uuid') return `${orNull}!isZeroUuid(${value})`
  if (type.name === 'bytes' || type.name === 'records') return `${orNull}${value}.length !== 0`
  if (type.name === 'bool') return fallback === 'true' ? `!${value}` : value
  return `${value} !== ${fallback}`
}

/** The struct's type and its make function. */
export function emitTypes(struct: Struct): string {
  const name = struct.typeName
  const properties = struct.fields.map((field) => `  ${field.name}: ${typeOf(field)}\n`).join('')
  const defaults = struct.fields.map((field) => `    ${field.name}: ${defaultOf(field)},\n`).join('')
  if (struct.fields.length === 0) {
    return (
      `export type ${name} = Record<never, never>\n\n` + `export function make${name}(): ${name} {\n  return {}\n}\n`
    )
  }
  return (
    `export type ${name} = {\n${properties}}\n\n` +
    `export function make${name}(partial: Partial<${name}> = {}): ${name} {\n` +
    `  return {\n${defaults}    ...partial,\n  }\n}\n`
  )
}

/** The function that says whether a struct holds nothing but defaults. */
export function emitIsDefault(struct: Struct): string {
  const conditions = struct.fields.map((field) => {
    const condition = differsFromDefault(field, `value.${field.name}`)
    if (condition.includes('||')) return `!(${condition})`
    if (condition.includes(' !== ')) return condition.replace(' !== ', ' === ')
    return condition.startsWith('!') ? condition.slice(1) : `!${condition}`
  })
  return (
    `function isDefault${struct.typeName}(value: ${struct.typeName}): boolean {\n` +
    `  return (\n    ${conditions.join(' &&\n    ')}\n  )\n}\n`
  )
}

/** All structs whose isDefault function the given code needs, also through each other. */
export function neededIsDefaults(code: string, structs: readonly Struct[]): Struct[] {
  const needed = new Set<Struct>()
  let text = code
  for (;;) {
    const found = structs.filter((struct) => !needed.has(struct) && text.includes(`isDefault${struct.typeName}(`))
    if (found.length === 0) return structs.filter((struct) => needed.has(struct))
    for (const struct of found) needed.add(struct)
    text = found.map(emitIsDefault).join('')
  }
}
