/** What the tests of generated code share: every message's codec, and arbitrary values of it made from its schema. */

import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import {
  apiName,
  type Field,
  type FieldType,
  includes,
  kebab,
  loadMessages,
  type Message,
  type Primitive,
  type Struct,
} from '../../scripts/generate/schema.ts'
import { systemRandom } from '../../src/base/random.ts'
import type { Reader } from '../../src/wire/reader.ts'
import type { Writer } from '../../src/wire/writer.ts'

/** One message at one version, with its generated code. */
export type MessageAt = {
  readonly name: string
  readonly version: number
  readonly arbitrary: fc.Arbitrary<object>
  readonly decode: (reader: Reader, version: number) => object
  readonly encode: (writer: Writer, message: object, version: number) => void
}

const schemasFolder = fileURLToPath(new URL('../../src/wire/schemas', import.meta.url))

/** How long a property test may look for counterexamples. */
export function testBudgetMs(defaultMs: number): number {
  return Number(process.env.SAFKA_TEST_BUDGET_MS ?? defaultMs)
}

/** The seed to use: the one given in SEED, or a fresh one. */
export function testSeed(): number {
  return Number(process.env.SEED ?? systemRandom.below(2 ** 31))
}

/** Every message at each of its versions. */
export async function loadMessagesAt(): Promise<MessageAt[]> {
  const messages: MessageAt[] = []
  for (const message of loadMessages(schemasFolder)) {
    const isRpc = message.type === 'request' || message.type === 'response'
    const file = kebab(isRpc ? apiName(message) : message.name)
    const module: Record<string, unknown> = await import(`../../src/wire/generated/${file}.ts`)
    for (let version = message.versions.min; version <= message.versions.max; version++) {
      messages.push({
        name: message.name,
        version,
        arbitrary: structArbitrary(message, message.root, version, module),
        decode: module[`decode${message.name}`] as MessageAt['decode'],
        encode: module[`encode${message.name}`] as MessageAt['encode'],
      })
    }
  }
  return messages
}

type Module = Record<string, unknown>

function structArbitrary(message: Message, struct: Struct, version: number, module: Module): fc.Arbitrary<object> {
  const make = module[`make${struct.typeName}`] as (partial: object) => object
  const present = struct.fields.filter((field) => includes(field.versions, version))
  const properties = present.map((field) => [field.name, fieldArbitrary(message, field, version, module)] as const)
  // Fields that the version lacks keep their defaults: only those survive the journey.
  return fc.record(Object.fromEntries(properties)).map((partial) => make({ ...partial }))
}

function fieldArbitrary(message: Message, field: Field, version: number, module: Module): fc.Arbitrary<unknown> {
  const plain = typeArbitrary(message, field.type, version, module)
  return includes(field.nullable, version) ? fc.option(plain, { nil: null, freq: 3 }) : plain
}

function typeArbitrary(message: Message, type: FieldType, version: number, module: Module): fc.Arbitrary<unknown> {
  if (type.kind === 'struct') return structArbitrary(message, type.struct, version, module)
  if (type.kind === 'array') return fc.array(typeArbitrary(message, type.element, version, module), { maxLength: 2 })
  return primitives[type.name]
}

const bytes = fc.uint8Array({ maxLength: 12 }).map((array) => Buffer.from(array))

const primitives: Readonly<Record<Primitive, fc.Arbitrary<unknown>>> = {
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32_768, max: 32_767 }),
  int32: fc.integer(),
  int64: fc.oneof({ weight: 8, arbitrary: fc.maxSafeInteger() }, fc.constantFrom(2 ** 63, -(2 ** 63), -1, 0)),
  hash64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  uint16: fc.integer({ min: 0, max: 65_535 }),
  uint32: fc.integer({ min: 0, max: 4_294_967_295 }),
  float64: fc.double({ noNaN: true }),
  bool: fc.boolean(),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((array) => Buffer.from(array)),
  string: fc.string({ maxLength: 8, unit: 'grapheme' }),
  bytes,
  records: bytes,
}
