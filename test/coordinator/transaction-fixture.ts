/** A transaction coordinator with groups beside it, on a virtual clock, a fake journal and fake logs, with short words for requests. */

import { VirtualClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { ProducerFacts } from '../../src/base/topology.ts'
import { GroupCoordinator } from '../../src/coordinator/groups/coordinator.ts'
import { defaultGroupSettings } from '../../src/coordinator/groups/settings.ts'
import type {
  RequestContext,
  TransactionalProducer,
  TransactionEnd,
  TransactionMarks,
} from '../../src/coordinator/ports.ts'
import { TransactionCoordinator } from '../../src/coordinator/transactions/coordinator.ts'
import { defaultTransactionSettings, type TransactionSettings } from '../../src/coordinator/transactions/settings.ts'
import {
  type AddOffsetsToTxnResponse,
  makeAddOffsetsToTxnRequest,
} from '../../src/wire/generated/add-offsets-to-txn.ts'
import {
  type AddPartitionsToTxnResponse,
  makeAddPartitionsToTxnRequest,
} from '../../src/wire/generated/add-partitions-to-txn.ts'
import {
  type DescribeTransactionsResponse,
  makeDescribeTransactionsRequest,
} from '../../src/wire/generated/describe-transactions.ts'
import { type EndTxnResponse, makeEndTxnRequest } from '../../src/wire/generated/end-txn.ts'
import { ErrorCode, errorName } from '../../src/wire/generated/errors.ts'
import { type InitProducerIdResponse, makeInitProducerIdRequest } from '../../src/wire/generated/init-producer-id.ts'
import { makeOffsetCommitRequest } from '../../src/wire/generated/offset-commit.ts'
import { makeOffsetFetchRequest, type OffsetFetchResponse } from '../../src/wire/generated/offset-fetch.ts'
import { messageCodec } from '../../src/wire/generated/registry.ts'
import { makeTxnOffsetCommitRequest, type TxnOffsetCommitResponse } from '../../src/wire/generated/txn-offset-commit.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'
import { FakeJournal } from './fake-journal.ts'
import { FakeGroupConfigs, FakeTopics } from './group-fixture.ts'

/** Something that was written into a partition's log: `t/0 open 7/0`, `t/0 commit 7/0`, `t/0 abort 7/1`. */
type Marked = { readonly text: string; readonly settle: (errorCode: number) => void }

/** The partitions' logs. Marks of __consumer_offsets lie in its journal, between the records. */
export class FakeMarks implements TransactionMarks {
  readonly #journal: FakeJournal
  #pending: Marked[] = []
  /** What was published, in order. */
  readonly log: string[] = []
  /** While true, nothing settles. */
  isStalled = false
  /** The answer of every mark until it is taken away. */
  failure: number = ErrorCode.NONE

  constructor(journal: FakeJournal) {
    this.#journal = journal
  }

  open(topic: string, partition: number, producer: TransactionalProducer, settle: (errorCode: number) => void): void {
    this.#publish(`${topic}/${partition} open ${producer.producerId}/${producer.producerEpoch}`, settle)
  }

  end(topic: string, partition: number, end: TransactionEnd, settle: (errorCode: number) => void): void {
    const word = end.isCommit ? 'commit' : 'abort'
    const text = `${topic}/${partition} ${word} ${end.producerId}/${end.producerEpoch}`
    if (topic !== '__consumer_offsets' || this.failure !== ErrorCode.NONE) {
      this.#publish(text, settle)
      return
    }
    this.log.push(text)
    this.#journal.appendEnd(topic, partition, end, settle)
  }

  flush(): void {
    while (!this.isStalled && this.#pending.length > 0) {
      for (const { settle } of this.#pending.splice(0)) settle(this.failure)
    }
  }

  get pendingCount(): number {
    return this.#pending.length
  }

  #publish(text: string, settle: (errorCode: number) => void): void {
    this.log.push(text)
    this.#pending.push({ text, settle })
  }
}

/** One request's fate. */
export type Call<Response> = { response: Response | undefined; answerCount: number }

export type Producer = { readonly producerId: number; readonly producerEpoch: number }

/** Topics 't' and 'u' and the internal ones; the transactional id is 'x' unless said otherwise. */
export class TransactionFixture {
  readonly clock: VirtualClock
  readonly journal: FakeJournal
  readonly marks: FakeMarks
  readonly topics: FakeTopics
  readonly settings: TransactionSettings
  readonly groups: GroupCoordinator
  readonly coordinator: TransactionCoordinator
  readonly ids: { next: number; errorCode: number }
  started: Promise<void>

  constructor(
    options: {
      readonly settings?: Partial<TransactionSettings>
      readonly clock?: VirtualClock
      readonly journal?: FakeJournal
      readonly topics?: FakeTopics
      readonly ids?: { next: number; errorCode: number }
      readonly marksFailure?: number
    } = {},
  ) {
    const { clock = new VirtualClock(), journal = new FakeJournal(), topics = new FakeTopics() } = options
    this.clock = clock
    this.journal = journal
    this.topics = topics
    topics.topics.set('__consumer_offsets', { id: 'cc'.repeat(16), partitions: 50 })
    this.marks = new FakeMarks(journal)
    this.marks.failure = options.marksFailure ?? ErrorCode.NONE
    this.ids = options.ids ?? { next: 7, errorCode: ErrorCode.NONE }
    this.settings = { ...defaultTransactionSettings, ...options.settings }
    const { ids } = this
    this.groups = new GroupCoordinator({
      clock,
      journal,
      topics,
      groupConfigs: new FakeGroupConfigs(),
      random: seededRandom(1),
      settings: defaultGroupSettings,
    })
    this.coordinator = new TransactionCoordinator({
      clock,
      journal,
      marks: this.marks,
      topics,
      groups: this.groups,
      logs: { producersOf: async (topic, partition) => [producerFacts(topic.length, partition)] },
      settings: this.settings,
      producerIds: {
        handle: (_context, _request, reply) => reply('not about transactions'),
        next: (settle) => settle(ids.errorCode, ids.errorCode === ErrorCode.NONE ? ids.next++ : -1),
      },
    })
    for (const { topic, partition, entry } of journal.entries()) {
      if (entry.kind === 'end') this.groups.replayEnd(partition, entry.end)
      else {
        this.groups.replay(topic, entry.record, entry.batch)
        this.coordinator.replay(topic, entry.record)
      }
    }
    this.groups.started()
    this.started = this.coordinator.started()
    this.flush()
  }

  /** Another broker on what this one made durable; `open` is forgotten with the logs' owners. */
  restarted(marksFailure: number = ErrorCode.NONE): TransactionFixture {
    this.coordinator.stop()
    this.groups.stop()
    this.journal.dropPending()
    const { clock, journal, topics, settings, ids } = this
    return new TransactionFixture({ clock, journal, topics, settings, ids, marksFailure })
  }

  /** Lets journal and logs settle what they have, in turns, until there is nothing more. */
  flush(): void {
    for (let turn = 0; turn < 100; turn++) {
      this.journal.flush()
      this.marks.flush()
    }
  }

  advance(byMs: number): void {
    this.clock.advance(byMs)
    this.flush()
  }

  /** Sends a request through its own bytes; `isFlushed` false leaves journal and logs alone. */
  send<Response>(apiKey: number, message: unknown, version: number, isFlushed = true): Call<Response> {
    const codec = messageCodec(apiKey)
    if (codec === undefined) throw new Error(`no codec for ${apiKey}`)
    const writer = new Writer()
    codec.encodeRequest(writer, message, version)
    const request = codec.decodeRequest(new Reader(writer.finishJoined()), version)
    const call: Call<Response> = { response: undefined, answerCount: 0 }
    const context: RequestContext = {
      apiKey,
      apiVersion: version,
      clientId: 'client',
      clientHost: '/127.0.0.1',
      connectionId: 'c1',
      listenerName: 'PLAINTEXT',
      clientPort: 40_000,
      softwareName: null,
      softwareVersion: null,
    }
    const part = this.coordinator.apiKeys.includes(apiKey) ? this.coordinator : this.groups
    part.handle(context, request, (response) => {
      call.answerCount += 1
      const out = new Writer()
      codec.encodeResponse(out, response, version)
      call.response = codec.decodeResponse(new Reader(out.finishJoined()), version) as Response
    })
    if (isFlushed) this.flush()
    return call
  }

  init(options: { id?: string; expected?: Producer; timeoutMs?: number; version?: number } = {}): string {
    const { id = 'x', expected = { producerId: -1, producerEpoch: -1 }, timeoutMs = 60_000, version = 4 } = options
    const request = makeInitProducerIdRequest({ transactionalId: id, transactionTimeoutMs: timeoutMs, ...expected })
    const { response } = this.send<InitProducerIdResponse>(22, request, version)
    if (response === undefined) return 'no answer'
    const { errorCode, producerId, producerEpoch } = response
    return errorCode === ErrorCode.NONE ? `${producerId}/${producerEpoch}` : errorName(errorCode)
  }

  /** InitProducerId until it succeeds. */
  producer(id = 'x'): Producer {
    const [producerId, producerEpoch] = this.init({ id }).split('/')
    return { producerId: Number(producerId), producerEpoch: Number(producerEpoch) }
  }

  /** Adds partitions of 't'; answers their errors. */
  add(
    producer: Producer,
    partitions: readonly number[] = [0],
    options: { id?: string; topic?: string; version?: number } = {},
  ): string {
    const { id = 'x', topic = 't', version = 3 } = options
    const request = makeAddPartitionsToTxnRequest({
      v3AndBelowTransactionalId: id,
      v3AndBelowProducerId: producer.producerId,
      v3AndBelowProducerEpoch: producer.producerEpoch,
      v3AndBelowTopics: [{ name: topic, partitions: [...partitions] }],
    })
    const { response } = this.send<AddPartitionsToTxnResponse>(24, request, version)
    const results = response?.resultsByTopicV3AndBelow[0]?.resultsByPartition ?? []
    return results.length === 0 ? 'no answer' : results.map((one) => errorName(one.partitionErrorCode)).join()
  }

  addOffsets(producer: Producer, options: { id?: string; groupId?: string; version?: number } = {}): string {
    const { id = 'x', groupId = 'g', version = 3 } = options
    const request = makeAddOffsetsToTxnRequest({ transactionalId: id, groupId, ...producer })
    return errorOf(this.send<AddOffsetsToTxnResponse>(25, request, version))
  }

  /** EndTxn: `commit` or `abort`, as version 1 (TV1) or 5 (TV2). Answers the error, or from 5 on the next id and epoch. */
  end(producer: Producer, how: 'commit' | 'abort', options: { id?: string; version?: number } = {}): string {
    const { id = 'x', version = 1 } = options
    const call = this.send<EndTxnResponse>(
      26,
      makeEndTxnRequest({ transactionalId: id, committed: how === 'commit', ...producer }),
      version,
    )
    const { response } = call
    if (version < 5 || response === undefined || response.errorCode !== ErrorCode.NONE) return errorOf(call)
    return `${response.producerId}/${response.producerEpoch}`
  }

  /** Commits an offset of t/0 for group 'g' within the transaction. */
  commitOffset(
    producer: Producer,
    offset: number,
    options: { id?: string; version?: number; generationId?: number; memberId?: string; groupId?: string } = {},
  ): string {
    const { id = 'x', version = 5, generationId = -1, memberId = '', groupId = 'g' } = options
    const partitions = [
      { partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: 'm' },
    ]
    const request = makeTxnOffsetCommitRequest({
      transactionalId: id,
      groupId,
      generationId,
      memberId,
      topics: [{ name: 't', partitions }],
      ...producer,
    })
    const { response } = this.send<TxnOffsetCommitResponse>(28, request, version)
    const errorCode = response?.topics[0]?.partitions[0]?.errorCode
    return errorCode === undefined ? 'no answer' : errorName(errorCode)
  }

  /** Commits an offset of t/0 for group 'g' outside of any transaction. */
  commitPlainly(offset: number): void {
    const partitions = [{ partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: '' }]
    const topics = [{ name: 't', topicId: Buffer.alloc(16), partitions }]
    this.send(8, makeOffsetCommitRequest({ groupId: 'g', generationIdOrMemberEpoch: -1, topics }), 9)
  }

  /** The offset of t/0 that group 'g' committed, or the error. */
  offset(requireStable = false): string {
    const topics = [{ name: 't', topicId: Buffer.alloc(16), partitionIndexes: [0] }]
    const groups = [{ groupId: 'g', memberId: null, memberEpoch: -1, topics }]
    const { response } = this.send<OffsetFetchResponse>(9, makeOffsetFetchRequest({ groups, requireStable }), 9)
    const answer = response?.groups[0]?.topics[0]?.partitions[0]
    if (answer === undefined) return errorName(response?.groups[0]?.errorCode ?? -1)
    return answer.errorCode === ErrorCode.NONE ? String(answer.committedOffset) : errorName(answer.errorCode)
  }

  /** `Ongoing 7/0 t:0,1`, or the error. */
  describe(id = 'x'): string {
    const request = makeDescribeTransactionsRequest({ transactionalIds: [id] })
    const state = this.send<DescribeTransactionsResponse>(65, request, 0).response?.transactionStates[0]
    if (state === undefined) return 'no answer'
    if (state.errorCode !== ErrorCode.NONE) return errorName(state.errorCode)
    const topics = state.topics.map(({ topic, partitions }) => ` ${topic}:${partitions.join()}`).join('')
    return `${state.transactionState} ${state.producerId}/${state.producerEpoch}${topics}`
  }
}

function producerFacts(producerId: number, epoch: number): ProducerFacts {
  const places = { lastSequence: 4, lastOffset: 9, offsetDelta: 4, timestampMs: 1, coordinatorEpoch: 0 }
  return { producerId, epoch, ...places, transactionStart: 5 }
}

function errorOf({ response }: Call<{ errorCode: number }>): string {
  return response === undefined ? 'no answer' : errorName(response.errorCode)
}
