/**
 * Goal: our journals hold what Apache Kafka's hold. Method: records that Kafka 4.3.1 wrote into its internal topics
 * (scripts/record-golden-records.ts) are decoded whole and encode to the same bytes.
 */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { kebab, loadMessages, type Message } from '../../scripts/generate/schema.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'

type Part = { topic: string; side: 'key' | 'value'; key: number; version: number; hex: string }

const messages = loadMessages(fileURLToPath(new URL('../../src/wire/schemas', import.meta.url)))

/** The schema of a part: numbers are unique within a topic and side only. */
function schemaOf({ topic, side, key }: Part): Message {
  const belongs = ({ name, type }: Message): boolean => {
    // Tiered storage has metadata records of its own, which are numbered from 0 again.
    if (topic === '__cluster_metadata') return type === 'metadata' && !name.startsWith('Remote')
    if (type !== `coordinator-${side}`) return false
    const isTransaction = name.startsWith('TransactionLog')
    const isShareState = name.startsWith('ShareSnapshot') || name.startsWith('ShareUpdate')
    if (topic === '__transaction_state') return isTransaction
    if (topic === '__share_group_state') return isShareState
    return !isTransaction && !isShareState
  }
  const found = messages.filter((message) => belongs(message) && message.apiKey === key)
  const [message] = found
  if (message === undefined || found.length > 1) throw new Error(`${found.length} schemas for ${topic} ${side} ${key}`)
  return message
}

test('records that Kafka wrote are read whole and written to the same bytes', async () => {
  const lines = readFileSync(new URL('../golden/records.jsonl', import.meta.url), 'utf8').split('\n')
  const names = new Set<string>()
  for (const line of lines.filter((each) => each !== '')) {
    const part: Part = JSON.parse(line)
    const { name } = schemaOf(part)
    const module: Record<string, unknown> = await import(`../../src/wire/generated/${kebab(name)}.ts`)
    const decode = module[`decode${name}`] as (reader: Reader, version: number) => object
    const encode = module[`encode${name}`] as (writer: Writer, message: object, version: number) => void
    const reader = new Reader(Buffer.from(part.hex, 'hex'))
    const writer = new Writer()
    encode(writer, decode(reader, part.version), part.version)
    assert.is(reader.remaining, 0, name)
    assert.is(writer.finishJoined().toString('hex'), part.hex, name)
    names.add(name)
  }
  console.log(`${names.size} schemas`)
  for (const name of [
    'OffsetCommitValue',
    'GroupMetadataValue',
    'TransactionLogValue',
    'TopicRecord',
    'ConfigRecord',
  ]) {
    assert.ok(names.has(name), name)
  }
})

test.run()
