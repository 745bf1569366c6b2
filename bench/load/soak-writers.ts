/** The writers of a soak: steady producers, clients that vanish, and topics that come and go. */

import { connect } from 'node:net'
import { systemClock } from '../../src/base/clock.ts'
import { Admin } from '../../src/client/admin.ts'
import { initProducerIdCall, produceCall } from '../../src/client/calls.ts'
import { KafkaClient, parseAddress } from '../../src/client/client.ts'
import { BrokerConnection } from '../../src/client/connection.ts'
import { errorName } from '../../src/wire/generated/errors.ts'
import { makeInitProducerIdRequest } from '../../src/wire/generated/init-producer-id.ts'
import { makeProduceRequest } from '../../src/wire/generated/produce.ts'
import { buildBatch } from '../../src/wire/record-batch.ts'
import { type SoakLedger, soakValue, soakValueBytes } from './soak-ledger.ts'

/** What every actor of a soak is told. An actor runs until `isOver`. */
export type Soak = {
  readonly address: string
  readonly topic: string
  readonly partitionCount: number
  readonly ledger: SoakLedger
  readonly bytesPerSecond: number
  readonly isOver: () => boolean
}

const recordsPerBatch = 32
const inFlightMax = 5
const producerCount = 4
/** The newest version that names topics. */
const produceVersion = 11

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

export function openConnection(address: string): Promise<BrokerConnection> {
  return BrokerConnection.open({
    ...parseAddress(address),
    clientId: 'soak',
    clock: systemClock,
    connectTimeoutMs: 10_000,
    requestTimeoutMs: 60_000,
  })
}

/** Producers on connections of their own: half are idempotent, half ask for acks=1 and have no id. */
export function runProducers(soak: Soak): Promise<unknown> {
  return Promise.all(Array.from({ length: producerCount }, (_, number) => runProducer(soak, number)))
}

async function runProducer(soak: Soak, number: number): Promise<void> {
  const { ledger } = soak
  const connection = await openConnection(soak.address)
  const isIdempotent = number % 2 === 0
  const producer = isIdempotent ? await producerOf(connection) : undefined
  const bytesPerMs = soak.bytesPerSecond / producerCount / 1000
  const startMs = performance.now()
  let sentBytes = 0
  let inFlight = 0
  for (let turn = 0; !soak.isOver(); turn++) {
    while (inFlight >= inFlightMax || sentBytes > (performance.now() - startMs) * bytesPerMs) {
      await pause(2)
      if (soak.isOver()) break
    }
    const partition = turn % soak.partitionCount
    const stream = ledger.stream(number, partition)
    const first = stream.sent
    const values = Array.from({ length: recordsPerBatch }, (_, index) => soakValue(number, first + index))
    stream.sent += recordsPerBatch
    const batch = batchOf(values, producer && { ...producer, baseSequence: first })
    sentBytes += batch.length
    inFlight++
    produce(connection, { topic: soak.topic, partition, batch, acks: isIdempotent ? -1 : 1 })
      .then(
        (errorCode) => {
          if (errorCode !== 0) {
            ledger.fail('produce', errorName(errorCode))
            return
          }
          stream.acknowledged = first + recordsPerBatch
          ledger.producedBytes += recordsPerBatch * soakValueBytes
        },
        (thrown: unknown) => ledger.fail('produce connection', String(thrown)),
      )
      .finally(() => inFlight--)
    if (!connection.isOpen) break
  }
  while (inFlight > 0) await pause(10)
  connection.close()
}

type ProducerIdentity = { readonly producerId: number; readonly producerEpoch: number }

async function producerOf(connection: BrokerConnection): Promise<ProducerIdentity> {
  const request = makeInitProducerIdRequest({ transactionalId: null, transactionTimeoutMs: 60_000 })
  const { producerId, producerEpoch } = await connection.send(initProducerIdCall, request)
  return { producerId, producerEpoch }
}

function batchOf(values: readonly Buffer[], producer?: ProducerIdentity & { baseSequence: number }): Buffer {
  const timestampMs = Date.now()
  return buildBatch({ records: values.map((value) => ({ key: null, value, timestampMs })), ...producer })
}

async function produce(
  connection: BrokerConnection,
  { topic, partition, batch, acks }: { topic: string; partition: number; batch: Buffer; acks: number },
): Promise<number> {
  const topicData = [{ name: topic, topicId: Buffer.alloc(16), partitionData: [{ index: partition, records: batch }] }]
  const request = makeProduceRequest({ acks, timeoutMs: 30_000, topicData })
  const response = await connection.send(produceCall, request, { version: produceVersion })
  return response.responses[0]?.partitionResponses[0]?.errorCode ?? -1
}

/** Clients that connect, send a frame in part, and go; by turns politely and with a reset. */
export async function runVanishing(soak: Soak): Promise<void> {
  const { host, port } = parseAddress(soak.address)
  for (let turn = 0; !soak.isOver(); turn++) {
    const socket = connect({ host, port })
    socket.on('error', () => undefined)
    socket.once('connect', () => {
      const head = Buffer.alloc(4)
      head.writeInt32BE(1_000_000 + turn)
      socket.write(head)
      socket.write(Buffer.alloc((turn * 7_919) % 200_000, 0))
      setTimeout(() => (turn % 2 === 0 ? socket.resetAndDestroy() : socket.destroy()), (turn % 10) * 30)
    })
    soak.ledger.count('vanished clients')
    await pause(100)
  }
}

/** Clients that ask for much and go before the answer comes; in a topic where nobody counts. */
export async function runHasty(soak: Soak, topic: string): Promise<void> {
  const batch = batchOf([Buffer.alloc(200_000, 1)])
  while (!soak.isOver()) {
    const connection = await openConnection(soak.address)
    const asked = Array.from({ length: 5 }, () => produce(connection, { topic, partition: 0, batch, acks: -1 }))
    await pause(1)
    connection.close()
    await Promise.allSettled(asked)
    soak.ledger.count('hasty clients')
    await pause(300)
  }
}

/** Topics that are made, written to and deleted. */
export async function runTopicChurn(soak: Soak): Promise<void> {
  const client = new KafkaClient({ brokers: [soak.address], clientId: 'soak-churn' })
  const admin = new Admin(client)
  const connection = await openConnection(soak.address)
  const batch = batchOf([Buffer.alloc(10_000, 2)])
  const living: string[] = []
  try {
    for (let turn = 0; !soak.isOver(); turn++) {
      const name = `churn-${turn}`
      const partitions = 1 + (turn % 20)
      await admin.createTopic({ name, partitions })
      living.push(name)
      for (let partition = 0; partition < partitions; partition++) {
        const errorCode = await produce(connection, { topic: name, partition, batch, acks: -1 })
        if (errorCode !== 0) soak.ledger.fail('produce to a new topic', errorName(errorCode))
      }
      soak.ledger.count('topics made and deleted')
      if (living.length > 5) await admin.deleteTopic(living.shift() ?? '')
      await pause(500)
    }
  } catch (thrown) {
    soak.ledger.fail('topics', String(thrown))
  }
  connection.close()
  await client.close()
}
