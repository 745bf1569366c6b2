/** The readers of a soak: group members that come and go, readers of old offsets, and readers that hardly read. */

import { connect, type Socket } from 'node:net'
import { Admin } from '../../src/client/admin.ts'
import { fetchCall } from '../../src/client/calls.ts'
import { KafkaClient, parseAddress } from '../../src/client/client.ts'
import { GroupConsumer } from '../../src/client/group-consumer.ts'
import { ErrorCode, errorName } from '../../src/wire/generated/errors.ts'
import { encodeFetchRequest, makeFetchRequest, makeFetchRequestFetchPartition } from '../../src/wire/generated/fetch.ts'
import { eachBatch, readRecords } from '../../src/wire/record-batch.ts'
import { encodeRequestHeader } from '../../src/wire/request-header.ts'
import { Writer } from '../../src/wire/writer.ts'
import { readSoakValue } from './soak-ledger.ts'
import { openConnection, pause, type Soak } from './soak-writers.ts'

/** The newest version that names topics. */
const fetchVersion = 12
const memberCount = 2
const slowCount = 8
/** How long a member stays before another one takes its place. */
const memberMs = 20_000

/** Reads everything in a group and holds it against the ledger. Members leave and join in turn until `isDone`. */
export function runGroup(soak: Soak, isDone: () => boolean): Promise<unknown> {
  return Promise.all(Array.from({ length: memberCount }, (_, number) => runMember(soak, number, isDone)))
}

async function runMember(soak: Soak, number: number, isDone: () => boolean): Promise<void> {
  const client = new KafkaClient({ brokers: [soak.address], clientId: `soak-member-${number}` })
  while (!isDone()) {
    const consumer = new GroupConsumer({
      client,
      groupId: 'soak',
      topics: [soak.topic],
      maxWaitMs: 200,
      heartbeatMs: 500,
    })
    const endMs = performance.now() + memberMs * (1 + number / memberCount)
    try {
      while (!isDone() && (performance.now() < endMs || soak.isOver())) {
        for (const { partition, value } of await consumer.poll()) soak.ledger.read(partition, value)
      }
      await consumer.close()
      soak.ledger.count('group memberships')
    } catch (thrown) {
      soak.ledger.fail('group member', String(thrown))
      await pause(200)
    }
  }
  await client.close()
}

function fetchOf(soak: Soak, place: { partition: number; offset: number; bytesMax: number }) {
  const partition = makeFetchRequestFetchPartition({
    partition: place.partition,
    fetchOffset: place.offset,
    currentLeaderEpoch: -1,
    partitionMaxBytes: place.bytesMax,
  })
  return makeFetchRequest({
    maxWaitMs: 100,
    minBytes: 1,
    maxBytes: place.bytesMax,
    sessionEpoch: -1,
    topics: [{ topic: soak.topic, topicId: Buffer.alloc(16), partitions: [partition] }],
  })
}

/** Reads at offsets anywhere in the log: whole records, each producer's in order, or OFFSET_OUT_OF_RANGE where retention has been. */
export async function runOldReads(soak: Soak): Promise<void> {
  const client = new KafkaClient({ brokers: [soak.address], clientId: 'soak-old' })
  const admin = new Admin(client)
  const connection = await openConnection(soak.address)
  for (let turn = 0; !soak.isOver(); turn++) {
    const ends = await admin.describeTopic(soak.topic)
    const { startOffset = 0, endOffset = 0 } = ends[turn % ends.length] ?? {}
    const offset = startOffset + Math.floor(Math.random() * (endOffset - startOffset))
    const wish = { partition: turn % ends.length, offset, bytesMax: 512 * 1024 }
    const response = await connection.send(fetchCall, fetchOf(soak, wish), { version: fetchVersion })
    const answer = response.responses[0]?.partitions[0]
    const errorCode = answer?.errorCode ?? -1
    if (errorCode === ErrorCode.NONE) checkRun(soak, offset, answer?.records ?? Buffer.alloc(0))
    else if (errorCode !== ErrorCode.OFFSET_OUT_OF_RANGE)
      soak.ledger.fail('read at an old offset', errorName(errorCode))
    soak.ledger.count('reads at old offsets')
    await pause(50)
  }
  connection.close()
  await client.close()
}

function checkRun(soak: Soak, offset: number, bytes: Buffer): void {
  const last = new Map<number, number>()
  let next = -1
  eachBatch(bytes, (at) => {
    for (const record of readRecords(bytes, at)) {
      const found = readSoakValue(record.value)
      if (found === undefined) soak.ledger.fail('torn record', `at offset ${record.offset}`)
      else if (found.sequence !== (last.get(found.producer) ?? found.sequence - 1) + 1)
        soak.ledger.fail('order', `at offset ${record.offset}`)
      else last.set(found.producer, found.sequence)
      if (next !== -1 && record.offset !== next) soak.ledger.fail('offsets', `${record.offset} after ${next - 1}`)
      next = record.offset + 1
    }
  })
  if (next !== -1 && next <= offset) soak.ledger.fail('offsets', `asked for ${offset}, got up to ${next - 1}`)
}

/** Clients that ask for far more than they read: half a KiB now and then. After a while each gives up, and another comes. */
export async function runSlowReaders(soak: Soak): Promise<void> {
  const open: Socket[] = []
  const { host, port } = parseAddress(soak.address)
  const client = new KafkaClient({ brokers: [soak.address], clientId: 'soak-slow' })
  const admin = new Admin(client)
  for (let turn = 0; !soak.isOver(); turn++) {
    if (turn % 50 === 0) {
      if (open.length >= slowCount) open.shift()?.destroy()
      const socket = connect({ host, port })
      socket.on('error', () => undefined)
      socket.pause()
      const starts = (await admin.describeTopic(soak.topic)).map(({ startOffset }) => startOffset)
      for (let request = 0; request < 20; request++) socket.write(fetchFrame(soak, request, starts))
      open.push(socket)
      soak.ledger.count('slow readers')
    }
    for (const socket of open) socket.read(512)
    await pause(20)
  }
  for (const socket of open) socket.destroy()
  await client.close()
}

function fetchFrame(soak: Soak, correlationId: number, starts: readonly number[]): Buffer {
  const writer = new Writer()
  encodeRequestHeader(writer, { apiKey: fetchCall.key, apiVersion: fetchVersion, correlationId, clientId: 'soak-slow' })
  const partition = correlationId % soak.partitionCount
  encodeFetchRequest(
    writer,
    fetchOf(soak, { partition, offset: starts[partition] ?? 0, bytesMax: 1024 * 1024 }),
    fetchVersion,
  )
  const body = writer.finishJoined()
  const head = Buffer.alloc(4)
  head.writeInt32BE(body.length)
  return Buffer.concat([head, body])
}
