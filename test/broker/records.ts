/** Writes and reads whole partitions through the project's own client, for tests that compare what went in with what is there. */

import { Admin, type TopicToCreate } from '../../src/client/admin.ts'
import { KafkaClient } from '../../src/client/client.ts'
import { type ConsumedRecord, Consumer } from '../../src/client/consumer.ts'
import { Producer, type ProducerOptions } from '../../src/client/producer.ts'

/** A client that gives up soon: a test would rather fail than wait. */
export function clientOf(address: string, retryTimeoutMs = 5_000): KafkaClient {
  return new KafkaClient({ brokers: [address], retryTimeoutMs, requestTimeoutMs: 8_000, connectTimeoutMs: 2_000 })
}

/** Runs `use` with a client of its own and closes that afterwards. */
export async function withClient<Result>(
  address: string,
  use: (client: KafkaClient) => Promise<Result>,
): Promise<Result> {
  const client = clientOf(address)
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

/** Makes a topic. */
export async function createTopic(address: string, topic: TopicToCreate): Promise<void> {
  await withClient(address, (client) => new Admin(client).createTopic(topic))
}

/** Sends these values to one partition, in order; answers their offsets. */
export async function sendValues(
  client: KafkaClient,
  { topic, partition, values, options = {} }: SendOptions,
): Promise<number[]> {
  const producer = new Producer({ client, ...options })
  const sent = await Promise.all(values.map((value) => producer.send({ topic, partition, value: Buffer.from(value) })))
  await producer.close()
  return sent.map(({ offset }) => offset)
}

type SendOptions = {
  readonly topic: string
  readonly partition: number
  readonly values: readonly string[]
  readonly options?: Partial<ProducerOptions>
}

/** Everything that a partition holds, from its start to the end that the broker tells. */
export async function readPartition(client: KafkaClient, topic: string, partition: number): Promise<ConsumedRecord[]> {
  const consumer = new Consumer({ client, maxWaitMs: 0 })
  await consumer.assign([{ topic, partition, offset: 'beginning' }])
  const records: ConsumedRecord[] = []
  do {
    records.push(...(await consumer.poll()))
  } while (!consumer.isAtEnd)
  return records
}

/** The values of records as text. */
export function valuesOf(records: readonly ConsumedRecord[]): string[] {
  return records.map(({ value }) => value?.toString() ?? '')
}
