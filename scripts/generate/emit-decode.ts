/** Emits the decode function of a struct. */

import { defaultOf, plainTypeOf, typeOf } from './emit-types.ts'
import { type Field, type FieldType, includes, intersect, type Message, type Primitive, type Struct } from './schema.ts'
import { isSized, type Segment, segmentsOf, shift, ternary } from './segments.ts'

const readers: Readonly<Record<Primitive, string>> = {
  int8: 'Int8',
  int16: 'Int16',
  int32: 'Int32',
  int64: 'Int64',
  hash64: 'Hash64',
  uint16: 'Uint16',
  uint32: 'Uint32',
  float64: 'Float64',
  bool: 'Boolean',
  uuid: 'Uuid',
  string: 'String',
  bytes: 'Bytes',
  records: 'Bytes',
}

/** The middle of a reader's or writer's method name: 'NullableCompactString'. */
export function methodOf(primitive: Primitive, coding: { isFlexible: boolean; isNullable: boolean }): string {
  if (!isSized(primitive)) return readers[primitive]
  return `${coding.isNullable ? 'Nullable' : ''}${coding.isFlexible ? 'Compact' : ''}${readers[primitive]}`
}

const reserved = new Set(['reader', 'version', 'tags', 'tag', 'end', 'index', 'default', 'package', 'delete', 'new'])

function local(field: Field): string {
  return reserved.has(field.name) ? `${field.name}Field` : field.name
}

/** The decode function; the root's also checks the version. */
export function emitDecode(message: Message, struct: Struct): string {
  const isRoot = struct === message.root
  const name = struct.typeName
  const { min, max } = message.versions
  const plain = struct.fields.filter((field) => field.tag === undefined && field.versions !== undefined)
  const tagged = struct.fields.filter((field) => field.tag !== undefined && field.versions !== undefined)
  const absent = struct.fields.filter((field) => field.versions === undefined)
  let body = isRoot ? `  checkDecodeVersion('${message.name}', version, ${min}, ${max})\n` : ''
  for (const field of plain) body += decodeField(message, field)
  for (const field of tagged) body += `  let ${local(field)}: ${typeOf(field)} = ${defaultOf(field)}\n`
  body += decodeTagged(message, tagged)
  const results = struct.fields.map((field) => {
    if (absent.includes(field)) return `${field.name}: ${defaultOf(field)}`
    return local(field) === field.name ? field.name : `${field.name}: ${local(field)}`
  })
  const usesVersion = /\bversion\b/.test(body)
  return (
    `${isRoot ? 'export ' : ''}function decode${name}(reader: Reader, ${usesVersion ? '' : '_'}version: number): ${name} {\n` +
    `${body}  return {${results.length === 0 ? '' : `\n${results.map((result) => `    ${result},\n`).join('')}  `}}\n}\n`
  )
}

function decodeField(message: Message, field: Field): string {
  const segments = segmentsOf(message, field)
  const name = local(field)
  if (field.type.kind === 'array') return decodeArray(message, field, segments)
  const type = field.type
  const value = ternary(segments, (segment) => (segment.isPresent ? readOne(type, segment) : defaultOf(field)))
  return `  const ${name} = ${value}\n`
}

function readOne(type: FieldType, segment: { isFlexible: boolean; isNullable: boolean }): string {
  if (type.kind === 'primitive') return `reader.read${methodOf(type.name, segment)}()`
  if (type.kind === 'array') throw new Error('arrays of arrays are not in the schemas')
  const decode = `decode${type.struct.typeName}(reader, version)`
  return segment.isNullable ? `(reader.readInt8() < 0 ? null : ${decode})` : decode
}

function decodeArray(message: Message, field: Field, segments: Segment[]): string {
  if (field.type.kind !== 'array') throw new Error(`${field.name} is no array`)
  const name = local(field)
  const element = field.type.element
  const elementBytesMin = arrayElementBytesMin(message, field)
  const length = ternary(segments, (segment) => {
    if (!segment.isPresent) return field.default === null ? '-1' : '0'
    const kind = `${segment.isNullable ? 'Nullable' : ''}${segment.isFlexible ? 'Compact' : ''}`
    return `reader.read${kind}ArrayLength(${elementBytesMin})`
  })
  const push = `for (let index = 0; index < ${name}Length; index++) ${name}.push(${readElement(message, element)})\n`
  const type = `${plainTypeOf(element)}[]`
  if (field.nullable === undefined) {
    return `  const ${name}Length = ${length}\n  const ${name}: ${type} = []\n  ${push}`
  }
  return (
    `  const ${name}Length = ${length}\n  let ${name}: ${type} | null = null\n` +
    `  if (${name}Length >= 0) {\n    ${name} = []\n    ${push}  }\n`
  )
}

function readElement(message: Message, element: FieldType): string {
  if (element.kind !== 'primitive' || !isSized(element.name)) {
    return readOne(element, { isFlexible: false, isNullable: false })
  }
  const { name } = element
  return flexibleTernary(message, (isFlexible) => `reader.read${methodOf(name, { isFlexible, isNullable: false })}()`)
}

/** `emit(true)` in flexible versions, `emit(false)` in others; one of them where all versions agree. */
export function flexibleTernary(message: Message, emit: (isFlexible: boolean) => string): string {
  if (message.flexibleMin <= message.versions.min) return emit(true)
  if (message.flexibleMin > message.versions.max) return emit(false)
  return `version >= ${message.flexibleMin} ? ${emit(true)} : ${emit(false)}`
}

function decodeTagged(message: Message, fields: readonly Field[]): string {
  if (message.flexibleMin > message.versions.max) return ''
  const isAlways = message.flexibleMin <= message.versions.min
  let code = 'reader.skipTagged()\n'
  if (fields.length > 0) {
    code =
      'for (let tags = reader.readUnsignedVarint(); tags > 0; tags--) {\n' +
      '  const tag = reader.readUnsignedVarint()\n  const end = reader.beginTagged()\n'
    fields.forEach((field, index) => {
      const { min = 0, max = 0 } = intersect(field.versions, message.versions) ?? {}
      const from = min > Math.max(message.flexibleMin, message.versions.min) ? ` && version >= ${min}` : ''
      const to = max < message.versions.max ? ` && version <= ${max}` : ''
      code += `  ${index === 0 ? '' : '} else '}if (tag === ${field.tag}${from}${to}) {\n${shift(decodeTaggedValue(message, field, min), '    ')}`
    })
    code += '  } else reader.skip(end - reader.position)\n  reader.endTagged(end)\n}\n'
    code = code.replace(/\n {2}\} else if/g, '\n  } else if')
  }
  if (isAlways) return shift(code, '  ')
  return `  if (version >= ${message.flexibleMin}) {\n${shift(code, '    ')}  }\n`
}

function decodeTaggedValue(message: Message, field: Field, version: number): string {
  const name = local(field)
  const isNullable = includes(field.nullable, version)
  if (field.type.kind === 'struct' && isNullable) {
    // Inside a tag, presence is a varint 0 or 1; in line it is an int8 -1 or 1.
    return `${name} = reader.readUnsignedVarint() === 0 ? null : decode${field.type.struct.typeName}(reader, version)\n`
  }
  if (field.type.kind !== 'array') return `${name} = ${readOne(field.type, { isFlexible: true, isNullable })}\n`
  const method = `read${isNullable ? 'Nullable' : ''}CompactArrayLength`
  const element = field.type.element
  const read =
    element.kind === 'primitive'
      ? `reader.read${methodOf(element.name, { isFlexible: true, isNullable: false })}()`
      : readOne(element, { isFlexible: true, isNullable: false })
  const items = `const ${name}Items: ${plainTypeOf(field.type)} = []\n`
  const loop = `for (let index = 0; index < ${name}Length; index++) ${name}Items.push(${read})\n`
  const result = isNullable ? `${name} = ${name}Length < 0 ? null : ${name}Items\n` : `${name} = ${name}Items\n`
  return `const ${name}Length = reader.${method}(${arrayElementBytesMin(message, field)})\n${items}${loop}${result}`
}

/** The fewest bytes that one element takes in any version that has the field. */
function arrayElementBytesMin(message: Message, field: Field): number {
  if (field.type.kind !== 'array') throw new Error(`${field.name} is no array`)
  let least = Number.POSITIVE_INFINITY
  for (let version = message.versions.min; version <= message.versions.max; version++) {
    if (includes(field.versions, version))
      least = Math.min(least, bytesMin(message, field.type.element, version, false))
  }
  if (least === 0) throw new Error(`${message.name}.${field.name} has elements without bytes: no bound on their number`)
  return least
}

function bytesMin(message: Message, type: FieldType, version: number, isNullable: boolean): number {
  const isFlexible = version >= message.flexibleMin
  if (type.kind === 'array') return isFlexible ? 1 : 4
  if (type.kind === 'struct') {
    if (isNullable) return 1
    let sum = isFlexible ? 1 : 0
    for (const field of type.struct.fields) {
      if (field.tag !== undefined || !includes(field.versions, version)) continue
      sum += bytesMin(message, field.type, version, includes(field.nullable, version))
    }
    return sum
  }
  const sizes = {
    int8: 1,
    bool: 1,
    int16: 2,
    uint16: 2,
    int32: 4,
    uint32: 4,
    int64: 8,
    hash64: 8,
    float64: 8,
    uuid: 16,
  }
  if (type.name === 'string') return isFlexible ? 1 : 2
  if (type.name === 'bytes' || type.name === 'records') return isFlexible ? 1 : 4
  return sizes[type.name]
}
