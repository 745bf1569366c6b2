/**
 * Records golden frames: a proxy between real clients and a real Apache Kafka that keeps, of each API, version and
 * direction (and codec, where it holds records), the smallest frame and the largest that is still compact.
 *
 *   node scripts/record-golden.ts --listen PORT --target HOST:PORT --out test/golden/frames.jsonl
 *
 * Kafka must advertise the proxy's address, or clients leave it after their first Metadata. SIGINT or SIGTERM ends the
 * recording and writes the file; frames that it already holds stay when they are still the best.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { ApiKey, apiTable } from '../src/wire/generated/api-keys.ts'
import { decodeFetchResponse } from '../src/wire/generated/fetch.ts'
import { decodeProduceRequest } from '../src/wire/generated/produce.ts'
import { Reader } from '../src/wire/reader.ts'
import { batchCompression, batchHeaderBytes } from '../src/wire/record-batch.ts'
import { decodeRequestHeader, decodeResponseHeader } from '../src/wire/request-header.ts'

/** One kept frame, without its length prefix. */
type Frame = { key: number; version: number; side: 'request' | 'response'; hex: string }

/** A second frame is kept up to this size; the smallest is kept up to the other one. */
const compactBytesMax = 1200
const frameBytesMax = 20_000

const { values } = parseArgs({
  options: { listen: { type: 'string' }, target: { type: 'string' }, out: { type: 'string' } },
})
const { listen, target, out } = values
if (listen === undefined || target === undefined || out === undefined) {
  console.error('usage: record-golden.ts --listen PORT --target HOST:PORT --out FILE')
  process.exit(2)
}
const [targetHost = '', targetPort = ''] = target.split(':')

const kept = new Map<string, { smallest: Frame; largest: Frame }>()
if (existsSync(out)) {
  for (const line of readFileSync(out, 'utf8').split('\n')) if (line !== '') keep(JSON.parse(line) as Frame)
}

function keep(frame: Frame): void {
  const sizeBytes = frame.hex.length / 2
  if (sizeBytes > frameBytesMax) return
  const name = `${frame.key} ${frame.version} ${frame.side} ${codecOf(frame)}`
  const best = kept.get(name)
  if (best === undefined) kept.set(name, { smallest: frame, largest: frame })
  else {
    if (frame.hex.length < best.smallest.hex.length) best.smallest = frame
    if (sizeBytes <= compactBytesMax && frame.hex.length > best.largest.hex.length) best.largest = frame
    if (best.largest.hex.length / 2 > compactBytesMax && sizeBytes <= compactBytesMax) best.largest = frame
  }
}

/** The codec of a frame's first batch, or '' where it holds none. */
function codecOf({ key, version, side, hex }: Frame): string {
  const reader = new Reader(Buffer.from(hex, 'hex'))
  let records: (Buffer | null)[] = []
  if (key === ApiKey.Produce && side === 'request') {
    decodeRequestHeader(reader)
    const { topicData } = decodeProduceRequest(reader, version)
    records = topicData.flatMap((topic) => topic.partitionData.map((partition) => partition.records))
  } else if (key === ApiKey.Fetch && side === 'response') {
    decodeResponseHeader(reader, key, version)
    const { responses } = decodeFetchResponse(reader, version)
    records = responses.flatMap((topic) => topic.partitions.map((partition) => partition.records))
  }
  const first = records.find((bytes) => bytes !== null && bytes.length > batchHeaderBytes)
  return first === undefined || first === null ? '' : String(batchCompression(first, 0))
}

/** Calls `visit` with each whole frame, without its length, of the chunks that it is fed. */
function splitter(visit: (frame: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0)
      visit(rest.subarray(4, end))
      rest = rest.subarray(end)
    }
  }
}

function serve(client: Socket): void {
  const broker = connect(Number(targetPort), targetHost)
  const pending = new Map<number, { key: number; version: number }>()
  const requests = splitter((frame) => {
    const key = frame.readInt16BE(0)
    const version = frame.readInt16BE(2)
    pending.set(frame.readInt32BE(4), { key, version })
    keep({ key, version, side: 'request', hex: frame.toString('hex') })
  })
  const responses = splitter((frame) => {
    const asked = pending.get(frame.readInt32BE(0))
    if (asked === undefined) return
    pending.delete(frame.readInt32BE(0))
    keep({ ...asked, side: 'response', hex: frame.toString('hex') })
  })
  pipe(client, broker, requests)
  pipe(broker, client, responses)
}

function pipe(from: Socket, to: Socket, watch: (chunk: Buffer) => void): void {
  from.on('data', (chunk) => {
    watch(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
    if (!to.write(chunk)) from.pause()
  })
  to.on('drain', () => from.resume())
  from.on('error', () => to.destroy())
  from.on('close', () => to.end())
}

function save(file: string): void {
  const frames = [...kept.values()].flatMap(({ smallest, largest }) =>
    smallest === largest ? [smallest] : [smallest, largest],
  )
  frames.sort((a, b) => a.key - b.key || a.version - b.version || (a.side < b.side ? -1 : a.side > b.side ? 1 : 0))
  writeFileSync(file, frames.map((frame) => `${JSON.stringify(frame)}\n`).join(''))
  const apis = new Set(frames.map((frame) => apiTable.get(frame.key)?.name ?? frame.key))
  console.log(`${frames.length} frames of ${apis.size} APIs in ${file}`)
}

const server = createServer({ noDelay: true }, serve)
server.listen(Number(listen), '127.0.0.1', () => console.log(`recording on 127.0.0.1:${listen}`))
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    save(out)
    process.exit(0)
  })
}
