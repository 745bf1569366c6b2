/** Fills a request that names only what matters with the schema's defaults, so that any version can be encoded. */

import { join } from 'node:path'
import { type Field, type FieldType, loadMessages, type Struct } from '../../../scripts/generate/schema.ts'
import { projectRoot } from '../../../scripts/project.ts'

const requests: ReadonlyMap<number | undefined, Struct> = new Map(
  loadMessages(join(projectRoot, 'src/wire/schemas/rpc'))
    .filter(({ type }) => type === 'request')
    .map(({ apiKey, root }) => [apiKey, root]),
)

/** The whole request of an API; `textOf` replaces each string before it is used. Throws for fields that there are not. */
export function wholeRequest(api: number, given: object, textOf: (text: string) => string): unknown {
  const root = requests.get(api)
  if (root === undefined) throw new Error(`there is no request ${api}`)
  return wholeStruct(root, given, textOf)
}

function wholeStruct(struct: Struct, given: object, textOf: (text: string) => string): unknown {
  const values = new Map<string, unknown>(Object.entries(given))
  const whole = struct.fields.map((field) => {
    const value = values.get(field.name)
    values.delete(field.name)
    return [field.name, value === undefined ? defaultOf(field) : wholeValue(field.type, value, textOf)]
  })
  const [unknown] = values.keys()
  if (unknown !== undefined) throw new Error(`${struct.typeName} has no field ${unknown}`)
  return Object.fromEntries(whole)
}

function wholeValue(type: FieldType, value: unknown, textOf: (text: string) => string): unknown {
  if (value === null) return null
  if (type.kind === 'array') {
    if (!Array.isArray(value)) throw new Error(`${JSON.stringify(value)} is no list`)
    return value.map((element) => wholeValue(type.element, element, textOf))
  }
  if (type.kind === 'struct') return wholeStruct(type.struct, typeof value === 'object' ? value : {}, textOf)
  if (typeof value !== 'string') return value
  const text = textOf(value)
  if (type.name === 'uuid') return Buffer.from(text, 'hex')
  if (type.name === 'bytes' || type.name === 'records') return Buffer.from(text, 'latin1')
  return type.name === 'string' ? text : Number(text)
}

function defaultOf(field: Field): unknown {
  if (field.default !== undefined) return field.default
  const { type } = field
  if (type.kind === 'array') return []
  if (type.kind === 'struct') return wholeStruct(type.struct, {}, (text) => text)
  switch (type.name) {
    case 'string':
      return ''
    case 'bool':
      return false
    case 'uuid':
      return Buffer.alloc(16)
    case 'bytes':
      return Buffer.alloc(0)
    case 'records':
      return null
    default:
      return 0
  }
}
