/** A consumer that notes in the history what it is assigned and what it gets. */

import type { KafkaClient } from '../../../src/client/client.ts'
import { type ConsumedRecord, Consumer, type Position } from '../../../src/client/consumer.ts'
import { decodePayload } from './payload.ts'
import { partitionKey, type World } from './world.ts'

export type NotedConsumerOptions = {
  readonly world: World
  readonly client: KafkaClient
  readonly reader: number
  readonly isolation: 'committed' | 'uncommitted'
  readonly maxWaitMs?: number
}

/** A record with the value that the history knows it by. */
export type NotedRecord = Position & { readonly value: number }

export class NotedConsumer {
  readonly reader: number
  readonly #world: World
  readonly #consumer: Consumer

  constructor({ world, client, reader, isolation, maxWaitMs = 50 }: NotedConsumerOptions) {
    this.#world = world
    this.reader = reader
    this.#consumer = new Consumer({ client, isolation, maxWaitMs })
  }

  get isAtEnd(): boolean {
    return this.#consumer.isAtEnd
  }

  positions(): Position[] {
    return this.#consumer.positions()
  }

  async assign(positions: readonly Position[]): Promise<void> {
    await this.#consumer.assign(positions)
    this.#world.history.add({
      kind: 'assign',
      reader: this.reader,
      positions: positions.map(({ topic, partition, offset }) => [partitionKey(topic, partition), offset]),
    })
  }

  /** The next records; undefined where a power cut came in between, after which positions mean nothing. */
  async poll(): Promise<NotedRecord[] | undefined> {
    const { history, generation } = this.#world
    const startedAt = history.now
    const before = new Map(this.positions().map((place) => [partitionKey(place.topic, place.partition), place.offset]))
    const records = await this.#consumer.poll()
    if (generation !== this.#world.generation) return undefined
    const noted = records.map((record) => withValue(record))
    for (const { topic, partition, offset: next } of this.positions()) {
      const key = partitionKey(topic, partition)
      const own = noted.filter((record) => record.topic === topic && record.partition === partition)
      if (own.length === 0 && next === before.get(key)) continue
      const offsets = own.map(({ offset }) => offset)
      const values = own.map(({ value }) => value)
      history.add({ kind: 'poll', reader: this.reader, partition: key, offsets, values, next, startedAt })
    }
    return noted
  }
}

function withValue({ topic, partition, offset, value }: ConsumedRecord): NotedRecord {
  return { topic, partition, offset, value: decodePayload(value) }
}
