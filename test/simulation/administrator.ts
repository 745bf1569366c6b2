/** An administrator: creates the topics, deletes records, and makes short-lived topics come and go beside the others. */

import { createTopicsCall, deleteRecordsCall, deleteTopicsCall, produceCall } from '../../src/client/calls.ts'
import { ConnectionError } from '../../src/client/errors.ts'
import {
  makeCreateTopicsRequest,
  makeCreateTopicsRequestCreatableTopic,
} from '../../src/wire/generated/create-topics.ts'
import { makeDeleteRecordsRequest } from '../../src/wire/generated/delete-records.ts'
import { makeDeleteTopicsRequest } from '../../src/wire/generated/delete-topics.ts'
import { ErrorCode, isRetriable } from '../../src/wire/generated/errors.ts'
import { makeProduceRequest } from '../../src/wire/generated/produce.ts'
import { buildBatch } from '../../src/wire/record-batch.ts'
import { Client } from './client.ts'
import { produceVersions } from './producers.ts'

const fleetingTopic = 'fleeting'

export class Administrator extends Client {
  /** Makes the topics that all others work on. */
  async createTopics(configs: ReadonlyMap<string, readonly (readonly [string, string])[]>): Promise<void> {
    for (const [topic, own] of configs) {
      const count = this.world.places.filter((place) => place.topic === topic).length
      await this.#create(topic, count, own)
    }
  }

  async run(): Promise<void> {
    while (!this.world.isWindingDown) {
      await this.sleep(200 + this.world.random.below(800))
      try {
        if (this.world.chance(50)) await this.#deleteRecords()
        else await this.#comeAndGo()
      } catch (thrown) {
        if (!(thrown instanceof ConnectionError)) throw thrown
      }
    }
    this.disconnect()
  }

  async #create(name: string, numPartitions: number, own: readonly (readonly [string, string])[]): Promise<void> {
    const configs = own.map(([config, value]) => ({ name: config, value }))
    const topic = makeCreateTopicsRequestCreatableTopic({ name, numPartitions, replicationFactor: 1, configs })
    const response = await this.askUntil(
      () => this.ask(createTopicsCall, makeCreateTopicsRequest({ topics: [topic], timeoutMs: 10_000 }), 5),
      ({ topics }) => topics[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR,
    )
    const errorCode = response.topics[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
    if (errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS)
      this.refuse('CreateTopics', errorCode)
  }

  async #deleteRecords(): Promise<void> {
    const { world } = this
    const partition = world.random.below(world.places.length)
    const { topic, index } = world.place(partition)
    const offset = world.random.below(1 + Math.floor((world.life?.watch.highWatermarkOf(topic, index) ?? 0) / 2))
    world.history.add({ kind: 'trim', partition, start: offset })
    const partitions = [{ partitionIndex: index, offset }]
    const request = makeDeleteRecordsRequest({ topics: [{ name: topic, partitions }], timeoutMs: 10_000 })
    const { topics } = await this.ask(deleteRecordsCall, request, 2)
    const errorCode = topics[0]?.partitions[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
    const isExcused = errorCode === ErrorCode.OFFSET_OUT_OF_RANGE
    if (errorCode !== ErrorCode.NONE && !isExcused && !isRetriable(errorCode)) this.refuse('DeleteRecords', errorCode)
  }

  /** A topic that is created, written to and deleted: its place in the partition table and its folder are used again. */
  async #comeAndGo(): Promise<void> {
    await this.#create(fleetingTopic, 2, [])
    const records = buildBatch({ records: [{ key: null, value: Buffer.from('gone soon'), timestampMs: this.nowMs }] })
    const topicData = [{ name: fleetingTopic, topicId: Buffer.alloc(16), partitionData: [{ index: 0, records }] }]
    await this.ask(produceCall, makeProduceRequest({ acks: -1, timeoutMs: 5_000, topicData }), produceVersions.byName)
    const request = makeDeleteTopicsRequest({ topicNames: [fleetingTopic], timeoutMs: 10_000 })
    await this.ask(deleteTopicsCall, request, 5)
  }
}
