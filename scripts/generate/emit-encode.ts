/** Emits the encode function of a struct. */

import { methodOf } from './emit-decode.ts'
import { differsFromDefault } from './emit-types.ts'
import { type Field, type FieldType, includes, intersect, type Message, type Struct } from './schema.ts'
import { ifChain, isSized, type Segment, segmentsOf, shift } from './segments.ts'

/** The encode function; the root's also checks the version. */
export function emitEncode(message: Message, struct: Struct): string {
  const isRoot = struct === message.root
  const { min, max } = message.versions
  let body = isRoot ? `  checkEncodeVersion('${message.name}', version, ${min}, ${max})\n` : ''
  const tagged = struct.fields.filter((field) => field.tag !== undefined)
  for (const field of struct.fields) if (field.tag === undefined) body += encodeField(message, struct, field)
  for (const field of tagged) body += refuseAbsentTagged(message, struct, field)
  body += encodeTagged(message, tagged)
  const used = (name: string): string => (new RegExp(`\\b${name}\\b`).test(body) ? name : `_${name}`)
  return (
    `${isRoot ? 'export ' : ''}function encode${struct.typeName}` +
    `(${used('writer')}: Writer, ${used('message')}: ${struct.typeName}, ${used('version')}: number): void {\n${body}}\n`
  )
}

function encodeField(message: Message, struct: Struct, field: Field): string {
  const value = `message.${field.name}`
  return ifChain(segmentsOf(message, field), '  ', (segment) => {
    if (!segment.isPresent) return refuse(struct, field)
    return writeField(struct, field, segment, value)
  })
}

function refuse(struct: Struct, field: Field): string {
  if (field.isIgnorable) return ''
  const condition = differsFromDefault(field, `message.${field.name}`)
  return `if (${condition}) throw unsupportedField('${struct.typeName}.${field.name}', version)\n`
}

function writeField(struct: Struct, field: Field, segment: Segment, value: string): string {
  const path = `'${struct.typeName}.${field.name}'`
  const isUnexpectedNull = field.nullable !== undefined && !segment.isNullable
  const given = isUnexpectedNull ? `requireValue(${value}, ${path}, version)` : value
  const type = field.type
  if (type.kind === 'primitive') return `writer.write${methodOf(type.name, segment)}(${given})\n`
  if (type.kind === 'struct') {
    if (!segment.isNullable) return `encode${type.struct.typeName}(writer, ${given}, version)\n`
    return (
      `if (${value} === null) writer.writeInt8(-1)\nelse {\n  writer.writeInt8(1)\n` +
      `  encode${type.struct.typeName}(writer, ${value}, version)\n}\n`
    )
  }
  const compact = segment.isFlexible ? 'Compact' : ''
  const loop = (items: string): string =>
    `writer.write${compact}ArrayLength(${items}.length)\n` +
    `for (const item of ${items}) ${writeElement(type.element, segment)}\n`
  if (segment.isNullable) {
    return `if (${value} === null) writer.write${compact}ArrayLength(-1)\nelse {\n${shift(loop(value), '  ')}}\n`
  }
  if (!isUnexpectedNull) return loop(value)
  return `const ${field.name}Items = ${given}\n${loop(`${field.name}Items`)}`
}

function writeElement(element: FieldType, segment: Segment): string {
  if (element.kind === 'struct') return `encode${element.struct.typeName}(writer, item, version)`
  if (element.kind === 'array') throw new Error('arrays of arrays are not in the schemas')
  const write = (isFlexible: boolean): string =>
    `writer.write${methodOf(element.name, { isFlexible, isNullable: false })}(item)`
  return isSized(element.name) ? write(segment.isFlexible) : write(false)
}

function refuseAbsentTagged(message: Message, struct: Struct, field: Field): string {
  if (field.isIgnorable) return ''
  const present = intersect(field.versions, message.versions)
  const body = refuse(struct, field).trimEnd()
  if (present === undefined) return `  ${body}\n`
  let code = ''
  if (present.min > message.versions.min) code += `version < ${present.min}`
  if (present.max < message.versions.max) code += `${code === '' ? '' : ' || '}version > ${present.max}`
  return code === '' ? '' : `  if (${code}) {\n    ${body}\n  }\n`
}

function encodeTagged(message: Message, fields: readonly Field[]): string {
  if (message.flexibleMin > message.versions.max) return ''
  const present = fields
    .filter((field) => intersect(field.versions, message.versions) !== undefined)
    .sort((a, b) => Number(a.tag) - Number(b.tag))
  let code = 'writer.writeUnsignedVarint(0)\n'
  if (present.length > 0) {
    code = 'let tags = 0\n'
    for (const field of present) code += `if (${taggedCondition(message, field)}) tags++\n`
    code += 'writer.writeUnsignedVarint(tags)\n'
    for (const field of present) {
      code +=
        `if (${taggedCondition(message, field)}) {\n  const start = writer.beginTagged(${field.tag})\n` +
        `${shift(writeTagged(message, field), '  ')}  writer.endTagged(start)\n}\n`
    }
  }
  return flexibleMinIsAlways(message)
    ? shift(code, '  ')
    : `  if (version >= ${message.flexibleMin}) {\n${shift(code, '    ')}  }\n`
}

function flexibleMinIsAlways(message: Message): boolean {
  return message.flexibleMin <= message.versions.min
}

function taggedCondition(message: Message, field: Field): string {
  const { min = 0, max = 0 } = intersect(field.versions, message.versions) ?? {}
  const differs = differsFromDefault(field, `message.${field.name}`)
  const bounds: string[] = []
  if (min > Math.max(message.flexibleMin, message.versions.min)) bounds.push(`version >= ${min}`)
  if (max < message.versions.max) bounds.push(`version <= ${max}`)
  if (bounds.length === 0) return differs
  return `${bounds.join(' && ')} && ${differs.includes('||') ? `(${differs})` : differs}`
}

function writeTagged(message: Message, field: Field): string {
  const { min = 0, max = 0 } = intersect(field.versions, message.versions) ?? {}
  const isNullable = includes(field.nullable, min)
  const value = `message.${field.name}`
  // A field whose default is null is only written when it is not: then the type is already narrowed.
  const segment: Segment = { min, max, isPresent: true, isFlexible: true, isNullable }
  const type = field.type
  if (isNullable && field.default === null) {
    if (type.kind === 'primitive')
      return `writer.write${methodOf(type.name, { ...segment, isNullable: false })}(${value})\n`
    if (type.kind === 'struct')
      return `writer.writeUnsignedVarint(1)\nencode${type.struct.typeName}(writer, ${value}, version)\n`
    return (
      `writer.writeCompactArrayLength(${value}.length)\n` +
      `for (const item of ${value}) ${writeElement(type.element, segment)}\n`
    )
  }
  if (isNullable && type.kind === 'struct') {
    // Inside a tag, presence is a varint 0 or 1; in line it is an int8 -1 or 1.
    return (
      `writer.writeUnsignedVarint(${value} === null ? 0 : 1)\n` +
      `if (${value} !== null) encode${type.struct.typeName}(writer, ${value}, version)\n`
    )
  }
  return writeField(message.root, field, segment, value)
}
