/**
 * Writes a sample of everything that a broker keeps: records in all codecs, transactions in all states, groups of all kinds,
 * configs and quotas. Apache Kafka and Safka take it alike, so that the folders of both can be compared and exchanged.
 */

import { Admin } from '../../src/client/admin.ts'
import {
  deleteRecordsCall,
  findCoordinatorCall,
  incrementalAlterConfigsCall,
  initProducerIdCall,
  joinGroupCall,
  offsetCommitCall,
  produceCall,
  syncGroupCall,
} from '../../src/client/calls.ts'
import { KafkaClient } from '../../src/client/client.ts'
import type { BrokerConnection } from '../../src/client/connection.ts'
import { compressionCodec } from '../../src/client/producer.ts'
import {
  alterClientQuotasApi,
  decodeAlterClientQuotasResponse,
  encodeAlterClientQuotasRequest,
  makeAlterClientQuotasRequest,
} from '../../src/wire/generated/alter-client-quotas.ts'
import {
  consumerGroupHeartbeatApi,
  decodeConsumerGroupHeartbeatResponse,
  encodeConsumerGroupHeartbeatRequest,
  makeConsumerGroupHeartbeatRequest,
} from '../../src/wire/generated/consumer-group-heartbeat.ts'
import { makeDeleteRecordsRequest } from '../../src/wire/generated/delete-records.ts'
import {
  decodeEndTxnResponse,
  encodeEndTxnRequest,
  endTxnApi,
  makeEndTxnRequest,
} from '../../src/wire/generated/end-txn.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { makeFindCoordinatorRequest } from '../../src/wire/generated/find-coordinator.ts'
import { makeIncrementalAlterConfigsRequest } from '../../src/wire/generated/incremental-alter-configs.ts'
import { makeInitProducerIdRequest } from '../../src/wire/generated/init-producer-id.ts'
import { makeJoinGroupRequest } from '../../src/wire/generated/join-group.ts'
import { makeOffsetCommitRequest } from '../../src/wire/generated/offset-commit.ts'
import { makeProduceRequest } from '../../src/wire/generated/produce.ts'
import { makeSyncGroupRequest } from '../../src/wire/generated/sync-group.ts'
import {
  decodeTxnOffsetCommitResponse,
  encodeTxnOffsetCommitRequest,
  makeTxnOffsetCommitRequest,
  txnOffsetCommitApi,
} from '../../src/wire/generated/txn-offset-commit.ts'
import { type BatchInput, buildBatch } from '../../src/wire/record-batch.ts'
import { ask, openSampleConnection } from './connection.ts'

const heartbeatCall = {
  ...consumerGroupHeartbeatApi,
  encode: encodeConsumerGroupHeartbeatRequest,
  decode: decodeConsumerGroupHeartbeatResponse,
}
const endTxnCall = { ...endTxnApi, encode: encodeEndTxnRequest, decode: decodeEndTxnResponse }
const txnOffsetCommitCall = {
  ...txnOffsetCommitApi,
  encode: encodeTxnOffsetCommitRequest,
  decode: decodeTxnOffsetCommitResponse,
}
const alterQuotasCall = {
  ...alterClientQuotasApi,
  encode: encodeAlterClientQuotasRequest,
  decode: decodeAlterClientQuotasResponse,
}

/** The newest versions that name topics; with these transactions take partitions in by themselves (KIP-890). */
const versions = { produce: 12, txnOffsetCommit: 5, offsetCommit: 9, joinGroup: 9 } as const
/** Kafka's numbers of what configs are set on, and of the operation that sets one. */
const configured = { broker: 4, group: 32, set: 0 } as const
const hourMs = 3_600_000

/** A producer with its place in the sequence of each partition; what a client keeps in memory. */
export type SampleProducer = { readonly producerId: number; readonly producerEpoch: number }

/** Topics of the sample; none of them loses records by age. */
const topics = [
  { name: 'codecs', partitions: 2, configs: { 'retention.ms': '-1', 'max.message.bytes': '2000000' } },
  { name: 'rolled', partitions: 1, configs: { 'retention.ms': '-1', 'segment.ms': '60000' } },
  { name: 'keyed', partitions: 1, configs: { 'cleanup.policy': 'compact' } },
  { name: 'transactions', partitions: 1, configs: { 'retention.ms': '-1' } },
  { name: 'unfinished', partitions: 1, configs: { 'retention.ms': '-1' } },
  { name: 'expiring', partitions: 1, configs: { 'retention.ms': '-1' } },
  { name: 'trimmed', partitions: 1, configs: { 'retention.ms': '-1' } },
  { name: 'deleted', partitions: 1, configs: {} },
]

export class SampleWriter {
  readonly #client: KafkaClient
  readonly #connection: BrokerConnection
  readonly #nowMs: number

  /** `nowMs`: what the broker's clock shows. */
  static async open(address: string, nowMs = Date.now()): Promise<SampleWriter> {
    return new SampleWriter(new KafkaClient({ brokers: [address] }), await openSampleConnection(address), nowMs)
  }

  private constructor(client: KafkaClient, connection: BrokerConnection, nowMs: number) {
    this.#client = client
    this.#connection = connection
    this.#nowMs = nowMs
  }

  async close(): Promise<void> {
    this.#connection.close()
    await this.#client.close()
  }

  /** Everything but what `continueProducer`, `joinGroups` and `openTransactions` add; answers the idempotent producer. */
  async write(): Promise<SampleProducer> {
    const admin = new Admin(this.#client)
    await this.#findCoordinators()
    for (const topic of topics) await admin.createTopic(topic)
    await this.#writeCodecs()
    for (let hour = 0; hour < 4; hour++) {
      await this.#produce('rolled', 0, { records: [this.#record(`hour ${hour}`, (hour - 4) * hourMs)] })
    }
    for (const value of ['one', 'two', 'three']) {
      await this.#produce('keyed', 0, { records: [{ ...this.#record(value), key: Buffer.from('key') }] })
    }
    await this.#writeTransactions()
    for (let index = 0; index < 5; index++) {
      await this.#produce('trimmed', 0, { records: [this.#record(`trimmed ${index}`)] })
    }
    await this.#trim()
    await this.#produce('deleted', 0, { records: [this.#record('gone')] })
    await admin.deleteTopic('deleted')
    await this.#configure()
    await this.#commit({ groupId: 'plain', memberId: '', generation: -1, offset: 7 })
    const producer = await this.#init(null)
    await this.continueProducer(producer, 0)
    return producer
  }

  /** Three more records of the idempotent producer, from a sequence on. */
  async continueProducer(producer: SampleProducer, baseSequence: number): Promise<void> {
    const records = [0, 1, 2].map((index) => this.#record(`sequence ${baseSequence + index}`))
    await this.#produce('codecs', 1, { records, ...producer, baseSequence })
  }

  /** Leaves two transactions open: one that may still be finished for long, and one that is too late in half a minute. */
  async openTransactions(): Promise<SampleProducer> {
    const patient = await this.#init('patient', 900_000)
    await this.#produceIn('patient', 'unfinished', patient, 'unfinished', 0)
    const late = await this.#init('late', 30_000)
    await this.#produceIn('late', 'expiring', late, 'expiring', 0)
    return patient
  }

  /** One more record of the patient transaction, and its end. */
  async finishTransaction(producer: SampleProducer): Promise<void> {
    await this.#produceIn('patient', 'unfinished', producer, 'finished', 1)
    await this.#end('patient', producer, true)
  }

  /** Apache Kafka makes their topics when it is asked for the first time. */
  async #findCoordinators(): Promise<void> {
    for (const keyType of [0, 1]) {
      const request = makeFindCoordinatorRequest({ keyType, coordinatorKeys: ['any'] })
      await ask(this.#connection, findCoordinatorCall, request, (response) => response.coordinators[0]?.errorCode)
    }
  }

  async #writeCodecs(): Promise<void> {
    for (const [name, compression] of Object.entries(compressionCodec)) {
      const headers = [
        { key: 'codec', value: Buffer.from(name) },
        { key: 'none', value: null },
      ]
      const records = [0, 1, 2, 3, 4].map((index) => ({
        ...this.#record(`${name} ${index} ${'text '.repeat(index * 10)}`),
        key: index === 2 ? null : Buffer.from(`key ${index}`),
        headers,
      }))
      const withNull = [...records, { key: Buffer.from('tombstone'), value: null, timestampMs: this.#nowMs }]
      await this.#produce('codecs', 0, { records: withNull, compression })
    }
  }

  async #writeTransactions(): Promise<void> {
    let producer = await this.#init('steady')
    for (const [round, isCommit] of [true, false, true, false].entries()) {
      const name = isCommit ? 'committed' : 'aborted'
      await this.#produceIn('steady', 'transactions', producer, `${name} ${round}`, 0)
      await this.#produce('transactions', 0, { records: [this.#record(`beside ${round}`)] })
      const partitions = [
        { partitionIndex: 0, committedOffset: round + 1, committedLeaderEpoch: -1, committedMetadata: name },
      ]
      const request = makeTxnOffsetCommitRequest({
        transactionalId: 'steady',
        groupId: 'transactional',
        generationId: -1,
        memberId: '',
        topics: [{ name: 'codecs', partitions }],
        ...producer,
      })
      const codeOf = (response: ReturnType<typeof decodeTxnOffsetCommitResponse>) =>
        response.topics[0]?.partitions[0]?.errorCode
      await ask(this.#connection, txnOffsetCommitCall, request, codeOf, versions.txnOffsetCommit)
      producer = await this.#end('steady', producer, isCommit)
    }
  }

  /** Leaves two groups with a member each: one of the classic protocol, one of the newer one (KIP-848). */
  async joinGroups(): Promise<void> {
    await this.#joinClassic()
    const request = makeConsumerGroupHeartbeatRequest({
      groupId: 'modern',
      memberId: 'a-member-of-modern',
      rebalanceTimeoutMs: 60_000,
      subscribedTopicNames: ['codecs'],
      topicPartitions: [],
    })
    const { memberEpoch } = await ask(this.#connection, heartbeatCall, request, (response) => response.errorCode)
    await this.#commit({ groupId: 'modern', memberId: request.memberId, generation: memberEpoch, offset: 20 })
  }

  async #joinClassic(): Promise<void> {
    const protocols = [
      { name: 'range', metadata: Buffer.from('000000000001000663 6f64656373ffffffff'.replaceAll(' ', ''), 'hex') },
    ]
    const join = makeJoinGroupRequest({
      groupId: 'classic',
      sessionTimeoutMs: 45_000,
      rebalanceTimeoutMs: 60_000,
      protocolType: 'consumer',
      protocols,
    })
    let memberId = ''
    const joined = await ask(
      this.#connection,
      joinGroupCall,
      join,
      (response) => {
        // The first answer gives the name that the second request has to bear (KIP-394).
        memberId = response.memberId
        Object.assign(join, { memberId })
        return response.errorCode
      },
      versions.joinGroup,
    )
    const sync = makeSyncGroupRequest({
      groupId: 'classic',
      generationId: joined.generationId,
      memberId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [{ memberId, assignment: Buffer.from('0000000000', 'hex') }],
    })
    await ask(this.#connection, syncGroupCall, sync, (response) => response.errorCode)
    await this.#commit({ groupId: 'classic', memberId, generation: joined.generationId, offset: 12 })
  }

  async #commit(at: { groupId: string; memberId: string; generation: number; offset: number }): Promise<void> {
    const partition = { partitionIndex: 0, committedOffset: at.offset, committedMetadata: `of ${at.groupId}` }
    const request = makeOffsetCommitRequest({
      groupId: at.groupId,
      memberId: at.memberId,
      generationIdOrMemberEpoch: at.generation,
      topics: [{ name: 'codecs', topicId: Buffer.alloc(16), partitions: [{ ...partition, committedLeaderEpoch: 0 }] }],
    })
    const codeOf = (response: { topics: readonly { partitions: readonly { errorCode: number }[] }[] }) =>
      response.topics[0]?.partitions[0]?.errorCode
    await ask(this.#connection, offsetCommitCall, request, codeOf, versions.offsetCommit)
  }

  async #configure(): Promise<void> {
    const set = (name: string, value: string) => [{ name, configOperation: configured.set, value }]
    const resources = [
      { resourceType: configured.broker, resourceName: '', configs: set('log.cleaner.threads', '2') },
      { resourceType: configured.group, resourceName: 'modern', configs: set('consumer.session.timeout.ms', '50000') },
    ]
    const configs = makeIncrementalAlterConfigsRequest({ resources })
    await ask(this.#connection, incrementalAlterConfigsCall, configs, (response) =>
      response.responses.find(({ errorCode }) => errorCode !== ErrorCode.NONE) === undefined ? ErrorCode.NONE : -1,
    )
    const quotas = makeAlterClientQuotasRequest({
      entries: [
        {
          entity: [{ entityType: 'user', entityName: 'somebody' }],
          ops: [{ key: 'producer_byte_rate', value: 1_048_576, remove: false }],
        },
      ],
    })
    await ask(this.#connection, alterQuotasCall, quotas, (response) => response.entries[0]?.errorCode)
  }

  async #trim(): Promise<void> {
    const request = makeDeleteRecordsRequest({
      topics: [{ name: 'trimmed', partitions: [{ partitionIndex: 0, offset: 3 }] }],
      timeoutMs: 10_000,
    })
    await ask(this.#connection, deleteRecordsCall, request, (response) => response.topics[0]?.partitions[0]?.errorCode)
  }

  async #init(transactionalId: string | null, transactionTimeoutMs = 60_000): Promise<SampleProducer> {
    const request = makeInitProducerIdRequest({ transactionalId, transactionTimeoutMs })
    const { producerId, producerEpoch } = await ask(
      this.#connection,
      initProducerIdCall,
      request,
      (response) => response.errorCode,
    )
    return { producerId, producerEpoch }
  }

  async #end(transactionalId: string, producer: SampleProducer, committed: boolean): Promise<SampleProducer> {
    const request = makeEndTxnRequest({ transactionalId, committed, ...producer })
    const { producerId, producerEpoch } = await ask(
      this.#connection,
      endTxnCall,
      request,
      (response) => response.errorCode,
    )
    return { producerId, producerEpoch }
  }

  #produceIn(
    transactionalId: string,
    topic: string,
    producer: SampleProducer,
    value: string,
    baseSequence: number,
  ): Promise<void> {
    const batch = { records: [this.#record(value)], ...producer, baseSequence, isTransactional: true }
    return this.#produce(topic, 0, batch, transactionalId)
  }

  async #produce(
    topic: string,
    index: number,
    batch: BatchInput,
    transactionalId: string | null = null,
  ): Promise<void> {
    const partitionData = [{ index, records: buildBatch(batch) }]
    const topicData = [{ name: topic, topicId: Buffer.alloc(16), partitionData }]
    const request = makeProduceRequest({ transactionalId, acks: -1, timeoutMs: 10_000, topicData })
    const codeOf = (response: { responses: readonly { partitionResponses: readonly { errorCode: number }[] }[] }) =>
      response.responses[0]?.partitionResponses[0]?.errorCode
    await ask(this.#connection, produceCall, request, codeOf, versions.produce)
  }

  #record(value: string, agoMs = 0): { key: Buffer | null; value: Buffer; timestampMs: number } {
    return { key: null, value: Buffer.from(value), timestampMs: this.#nowMs + agoMs }
  }
}
