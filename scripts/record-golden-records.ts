/**
 * Keeps, of the records that a real Apache Kafka wrote into its own topics, the smallest and a larger one of each schema
 * and version, for the tests of the record codecs.
 *
 *   node scripts/record-golden-records.ts --data KAFKA_LOG_DIRECTORY [--data …] --out test/golden/records.jsonl
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Reader } from '../src/wire/reader.ts'
import { batchIsControl, eachBatch, readRecords } from '../src/wire/record-batch.ts'

/** One kept part of a record: the bytes behind the words that say what it is. */
type Part = { topic: string; side: 'key' | 'value'; key: number; version: number; hex: string }

const partBytesMax = 800

const { values } = parseArgs({ options: { data: { type: 'string', multiple: true }, out: { type: 'string' } } })
const { data, out } = values
if (data === undefined || out === undefined) {
  console.error('usage: record-golden-records.ts --data DIRECTORY --out FILE')
  process.exit(2)
}

const kept = new Map<string, { smallest: Part; largest: Part }>()

function keep(part: Part): void {
  const name = `${part.topic} ${part.side} ${part.key} ${part.version}`
  const best = kept.get(name)
  if (best === undefined) kept.set(name, { smallest: part, largest: part })
  else {
    if (part.hex.length < best.smallest.hex.length) best.smallest = part
    if (part.hex.length > best.largest.hex.length && part.hex.length / 2 <= partBytesMax) best.largest = part
  }
}

/** Coordinator records: the key begins with its schema's number, the value with its version. */
function keepCoordinatorRecord(topic: string, key: Buffer, value: Buffer | null): void {
  const schema = key.readInt16BE(0)
  keep({ topic, side: 'key', key: schema, version: 0, hex: key.subarray(2).toString('hex') })
  if (value === null) return
  keep({ topic, side: 'value', key: schema, version: value.readInt16BE(0), hex: value.subarray(2).toString('hex') })
}

/** Metadata records: a frame version, the schema's number and its version, as varints. */
function keepMetadataRecord(topic: string, value: Buffer): void {
  const reader = new Reader(value)
  reader.readUnsignedVarint()
  const key = reader.readUnsignedVarint()
  const version = reader.readUnsignedVarint()
  keep({ topic, side: 'value', key, version, hex: value.subarray(reader.position).toString('hex') })
}

for (const directory of data) {
  for (const folder of readdirSync(directory)) {
    const topic = folder.replace(/-\d+$/, '')
    if (!['__consumer_offsets', '__transaction_state', '__cluster_metadata', '__share_group_state'].includes(topic))
      continue
    for (const file of readdirSync(join(directory, folder)).filter((name) => name.endsWith('.log'))) {
      const bytes = readFileSync(join(directory, folder, file))
      eachBatch(bytes, (at) => {
        if (batchIsControl(bytes, at)) return
        for (const { key, value } of readRecords(bytes, at)) {
          if (topic === '__cluster_metadata') {
            if (value !== null) keepMetadataRecord(topic, value)
          } else if (key !== null) keepCoordinatorRecord(topic, key, value)
        }
      })
    }
  }
}

const parts = [...kept.values()].flatMap(({ smallest, largest }) =>
  smallest.hex === largest.hex ? [smallest] : [smallest, largest],
)
const orderOf = (part: Part): string =>
  `${part.topic} ${String(part.key).padStart(3, '0')} ${part.side} ${part.version}`
parts.sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : orderOf(a) > orderOf(b) ? 1 : 0))
writeFileSync(out, parts.map((part) => `${JSON.stringify(part)}\n`).join(''))
console.log(`${parts.length} parts of ${kept.size} schemas and versions in ${out}`)
