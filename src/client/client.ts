/** A small Kafka client: finds brokers, leaders and coordinators, and calls APIs on them with retries. */

import { type Clock, systemClock } from '../base/clock.ts'
import { SafkaError } from '../base/errors.ts'
import { type TopicIdHex, topicIdHex } from '../base/ids.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { makeFindCoordinatorRequest } from '../wire/generated/find-coordinator.ts'
import {
  type MetadataResponse,
  type MetadataResponseMetadataResponseTopic,
  makeMetadataRequest,
  makeMetadataRequestMetadataRequestTopic,
} from '../wire/generated/metadata.ts'
import { type Call, findCoordinatorCall, metadataCall } from './calls.ts'
import { BrokerConnection } from './connection.ts'
import { ConnectionError, KafkaError, mayRetry, throwOnError } from './errors.ts'

export type ClientOptions = {
  /** 'host:port' of brokers to start from, one at least. */
  readonly brokers: readonly string[]
  readonly clientId?: string
  readonly clock?: Clock
  /** Default 10,000. */
  readonly connectTimeoutMs?: number
  /** Default 30,000. */
  readonly requestTimeoutMs?: number
  /** How long a call with retries goes on trying. Default 30,000. */
  readonly retryTimeoutMs?: number
  /** How long a call waits before each retry. Default 100, as Kafka's. */
  readonly retryBackoffMs?: number
}

/** Where a partition lives, and its topic's id. */
export type PartitionPlace = { readonly leader: number; readonly topicId: Buffer }

/** A topic as the client knows it. */
export type KnownTopic = {
  readonly name: string
  readonly id: Buffer
  readonly isInternal: boolean
  /** Leaders by partition, -1 where there is none. */
  readonly leaders: readonly number[]
}

type Address = { readonly host: string; readonly port: number }

/** Kafka's numbers of what FindCoordinator finds. */
const coordinatorKinds = { group: 0, transaction: 1 } as const

/** Connections to a cluster's brokers, and what is known of its topics. Close it when done. */
export class KafkaClient {
  readonly clock: Clock
  readonly #clientId: string
  readonly #bootstrap: readonly Address[]
  readonly #connectTimeoutMs: number
  readonly #requestTimeoutMs: number
  readonly #retryTimeoutMs: number
  readonly #retryBackoffMs: number
  readonly #connections = new Map<string, Promise<BrokerConnection>>()
  readonly #brokers = new Map<number, Address>()
  readonly #topics = new Map<string, KnownTopic>()
  readonly #lookups = new Map<string, Promise<KnownTopic>>()
  readonly #topicNames = new Map<TopicIdHex, string>()
  #isClosed = false

  constructor(options: ClientOptions) {
    this.clock = options.clock ?? systemClock
    this.#clientId = options.clientId ?? 'safka'
    this.#bootstrap = options.brokers.map(parseAddress)
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 10_000
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 30_000
    this.#retryTimeoutMs = options.retryTimeoutMs ?? 30_000
    this.#retryBackoffMs = options.retryBackoffMs ?? 100
  }

  /** Calls an API on any broker. */
  async callAny<Request, Response>(call: Call<Request, Response>, request: Request): Promise<Response> {
    return (await this.anyConnection()).send(call, request)
  }

  /** Calls an API on the broker with that id. `timeoutMs` bounds the wait for the answer. */
  async callNode<Request, Response>(
    nodeId: number,
    call: Call<Request, Response>,
    request: Request,
    options: { readonly timeoutMs?: number } = {},
  ): Promise<Response> {
    return (await this.connectionTo(nodeId)).send(call, request, options)
  }

  /** Runs `attempt` again while it throws what a retry may mend, until the client's retry time is over. */
  async retrying<Result>(attempt: () => Promise<Result>): Promise<Result> {
    const deadlineMs = this.clock.monotonicMs() + this.#retryTimeoutMs
    for (;;) {
      try {
        return await attempt()
      } catch (thrown) {
        const isLate = this.clock.monotonicMs() + this.#retryBackoffMs > deadlineMs
        if (this.#isClosed || !mayRetry(thrown) || isLate) throw thrown
      }
      await this.pause(this.#retryBackoffMs)
    }
  }

  /** Asks for topics (null: all of them) and remembers what it learns. */
  async metadata(
    topics: readonly string[] | null,
    options: { readonly autoCreate?: boolean } = {},
  ): Promise<MetadataResponse> {
    const request = makeMetadataRequest({
      topics: topics === null ? null : topics.map((name) => makeMetadataRequestMetadataRequestTopic({ name })),
      allowAutoTopicCreation: options.autoCreate ?? false,
    })
    const response = await this.callAny(metadataCall, request)
    for (const { nodeId, host, port } of response.brokers) this.#brokers.set(nodeId, { host, port })
    for (const topic of response.topics) this.#remember(topic)
    return response
  }

  /** A topic's id and leaders: remembered, or asked for; retries while it has no leader yet. Throws where there is none. */
  topic(name: string, options: { readonly autoCreate?: boolean } = {}): Promise<KnownTopic> {
    const known = this.#topics.get(name)
    if (known !== undefined) return Promise.resolve(known)
    // However many ask at once, one request goes out.
    const key = `${options.autoCreate === true}/${name}`
    const present = this.#lookups.get(key)
    if (present !== undefined) return present
    const lookup = this.#lookUp(name, options).finally(() => this.#lookups.delete(key))
    this.#lookups.set(key, lookup)
    return lookup
  }

  #lookUp(name: string, options: { readonly autoCreate?: boolean }): Promise<KnownTopic> {
    return this.retrying(async () => {
      const response = await this.metadata([name], options)
      const topic = response.topics.find((candidate) => candidate.name === name)
      const errorCode = topic?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      // A missing topic is retriable to Kafka, as it may be on its way; without auto-creation it hardly is.
      if (errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION && options.autoCreate !== true) {
        throw new SafkaError('SAFKA_CLIENT_UNKNOWN_TOPIC', `there is no topic '${name}'`)
      }
      throwOnError(errorCode, `topic '${name}'`)
      const found = this.#topics.get(name)
      if (found === undefined || found.leaders.includes(-1)) {
        throw new KafkaError(ErrorCode.LEADER_NOT_AVAILABLE, `topic '${name}' has partitions without a leader`)
      }
      return found
    })
  }

  /** The name of a topic that was met before, by its id. */
  topicName(id: Buffer): string | undefined {
    return this.#topicNames.get(topicIdHex(id))
  }

  /** Forgets a topic, so that the next look asks again: its leader has moved, or it was made anew. */
  forgetTopic(name: string): void {
    this.#topics.delete(name)
  }

  /** The broker that coordinates a group, or a transactional id. */
  findCoordinator(key: string, kind: keyof typeof coordinatorKinds = 'group'): Promise<number> {
    return this.retrying(async () => {
      const request = makeFindCoordinatorRequest({ key, keyType: coordinatorKinds[kind], coordinatorKeys: [key] })
      const connection = await this.anyConnection()
      const version = connection.versionOf(findCoordinatorCall)
      // Old versions take one key, new ones a list; each refuses the other's field.
      const asked = version >= 4 ? { ...request, key: '' } : { ...request, coordinatorKeys: [] }
      const response = await connection.send(findCoordinatorCall, asked)
      const found = version >= 4 ? response.coordinators[0] : response
      throwOnError(found?.errorCode ?? ErrorCode.COORDINATOR_NOT_AVAILABLE, `the coordinator of ${kind} '${key}'`)
      if (found === undefined) throw new ConnectionError('the broker named no coordinator')
      this.#brokers.set(found.nodeId, { host: found.host, port: found.port })
      return found.nodeId
    })
  }

  /** A connection to the broker with that id. */
  async connectionTo(nodeId: number): Promise<BrokerConnection> {
    let address = this.#brokers.get(nodeId)
    if (address === undefined) {
      await this.metadata([])
      address = this.#brokers.get(nodeId)
    }
    if (address === undefined) throw new ConnectionError(`no broker has the id ${nodeId}`)
    return this.#connect(address)
  }

  /** A connection to any broker that can be reached. */
  async anyConnection(): Promise<BrokerConnection> {
    let problem: unknown = new ConnectionError('no broker was named')
    for (const address of [...this.#brokers.values(), ...this.#bootstrap]) {
      try {
        return await this.#connect(address)
      } catch (thrown) {
        problem = thrown
      }
    }
    throw problem
  }

  /** Resolves after `delayMs`. A timer of the clock alone does not keep a process alive; sockets do. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.clock.startTimer(delayMs, resolve))
  }

  /** Closes all connections; calls in flight reject. */
  async close(): Promise<void> {
    this.#isClosed = true
    const connections = await Promise.allSettled(this.#connections.values())
    for (const outcome of connections) if (outcome.status === 'fulfilled') outcome.value.close()
    this.#connections.clear()
  }

  async #connect(address: Address): Promise<BrokerConnection> {
    if (this.#isClosed) throw new ConnectionError('the client is closed')
    const key = `${address.host}:${address.port}`
    const present = this.#connections.get(key)
    if (present !== undefined) {
      const connection = await present
      if (connection.isOpen) return connection
      if (this.#connections.get(key) === present) this.#connections.delete(key)
      return this.#connect(address)
    }
    const opening = BrokerConnection.open({
      ...address,
      clientId: this.#clientId,
      clock: this.clock,
      connectTimeoutMs: this.#connectTimeoutMs,
      requestTimeoutMs: this.#requestTimeoutMs,
    })
    this.#connections.set(key, opening)
    opening.catch(() => this.#connections.delete(key))
    return opening
  }

  #remember(topic: MetadataResponseMetadataResponseTopic): void {
    if (topic.name === null) return
    if (topic.errorCode !== ErrorCode.NONE) {
      this.#topics.delete(topic.name)
      return
    }
    const leaders: number[] = []
    for (const { partitionIndex, leaderId } of topic.partitions) leaders[partitionIndex] = leaderId
    this.#topics.set(topic.name, { name: topic.name, id: topic.topicId, isInternal: topic.isInternal, leaders })
    this.#topicNames.set(topicIdHex(topic.topicId), topic.name)
  }
}

/** The two parts of 'host:port'. Throws SafkaError where it is none. */
export function parseAddress(text: string): { host: string; port: number } {
  const match = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text.trim())
  const port = Number(match?.[2])
  if (match?.[1] === undefined || port > 65_535) {
    throw new SafkaError('SAFKA_CLIENT_ADDRESS', `'${text}' is no address of the form host:port`)
  }
  return { host: match[1], port }
}
