/** A journal and effects in memory, which tests can stall and fail, and a topic coordinator on top of them. */

import { VirtualClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { PartitionFacts } from '../../src/base/topology.ts'
import { AclCoordinator } from '../../src/coordinator/acls/coordinator.ts'
import { LoggerLevel } from '../../src/coordinator/configs/logger-level.ts'
import type { Journal, JournalBatch, JournalRecord, NewTopic, TopicEffects } from '../../src/coordinator/ports.ts'
import { QuotaCoordinator } from '../../src/coordinator/quotas/coordinator.ts'
import { TopicCoordinator } from '../../src/coordinator/topics/coordinator.ts'
import type { ClientLimits } from '../../src/metrics/client-quotas.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'

/** A journal that settles in the next microtask, or when told to. */
export class FakeJournal implements Journal {
  readonly records: JournalRecord[] = []
  readonly #waiting: { records: readonly JournalRecord[]; settle: (errorCode: number) => void }[] = []
  isStalled = false
  isBroken = false
  isFullNow = false

  append(
    _topic: string,
    _partition: number,
    records: readonly JournalRecord[],
    settle: (errorCode: number) => void,
  ): void {
    this.#waiting.push({ records, settle })
    if (!this.isStalled) queueMicrotask(() => this.settleAll(ErrorCode.NONE))
  }

  /** Ends every append that waits; a failed one is not in the log, unless `isWritten`. */
  settleAll(errorCode: number, isWritten = false): void {
    if (errorCode !== ErrorCode.NONE) this.isBroken = true
    for (const { records, settle } of this.#waiting.splice(0)) {
      if (!this.isBroken || isWritten) this.records.push(...records)
      settle(this.isBroken ? ErrorCode.KAFKA_STORAGE_ERROR : ErrorCode.NONE)
    }
  }

  get waitingCount(): number {
    return this.#waiting.length
  }

  isFull(): boolean {
    return this.isFullNow
  }

  async load(
    _topic: string,
    _partition: number,
    visit: (record: JournalRecord, offset: number, batch: JournalBatch) => void,
  ): Promise<void> {
    await Promise.resolve()
    this.isBroken = false
    for (const [offset, record] of this.records.entries()) visit(record, offset, {})
  }
}

/** Effects that write down what they were asked, in order. */
export class FakeEffects implements TopicEffects {
  readonly log: string[] = []
  readonly topics = new Map<string, NewTopic>()
  limits: ClientLimits | undefined
  #gate: Promise<void> = Promise.resolve()
  #open: () => void = () => {}

  /** Makes every later effect wait until `release`. */
  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  release(): void {
    this.#open()
  }

  async created(topics: readonly NewTopic[]): Promise<void> {
    await this.#gate
    for (const topic of topics) {
      this.topics.set(topic.name, topic)
      this.log.push(`created ${topic.name} ${topic.partitionCount}`)
    }
  }

  async grown(topic: NewTopic): Promise<void> {
    await this.#gate
    this.topics.set(topic.name, topic)
    this.log.push(`grown ${topic.name} ${topic.partitionCount}`)
  }

  async configured(topic: NewTopic): Promise<void> {
    await this.#gate
    this.topics.set(topic.name, topic)
    this.log.push(`configured ${topic.name}`)
  }

  async limited(limits: ClientLimits): Promise<void> {
    this.limits = limits
  }

  async removed(name: string): Promise<void> {
    await this.#gate
    this.topics.delete(name)
    this.log.push(`removed ${name}`)
  }

  async deleteRecords(
    topic: string,
    partition: number,
    beforeOffset: number,
  ): Promise<{ errorCode: number; startOffset: number }> {
    this.log.push(`deleteRecords ${topic} ${partition} ${beforeOffset}`)
    return { errorCode: ErrorCode.NONE, startOffset: beforeOffset }
  }

  async facts(topic: string): Promise<readonly PartitionFacts[]> {
    const count = this.topics.get(topic)?.partitionCount ?? 0
    const facts = { sizeBytes: 10, segments: 0, ringBytes: 65_536, ringHead: 1, ringTail: 2, ringWraps: 3 }
    return Array.from({ length: count }, (_, slot) => ({ slot, ...facts }))
  }
}

/** A coordinator with its fakes. `records`: the log it starts from. */
export function makeCoordinator(
  options: { staticConfigs?: Record<string, string>; records?: readonly JournalRecord[]; partitionsMax?: number } = {},
) {
  const clock = new VirtualClock()
  const journal = new FakeJournal()
  const effects = new FakeEffects()
  const coordinator = new TopicCoordinator({
    clock,
    random: seededRandom(7),
    journal,
    effects,
    logger: new LoggerLevel('info', () => undefined),
    settings: {
      nodeId: 1,
      staticConfigs: new Map(Object.entries(options.staticConfigs ?? {})),
      partitionsMax: options.partitionsMax ?? 100_000,
    },
  })
  for (const record of options.records ?? []) {
    journal.records.push(record)
    coordinator.replay('__cluster_metadata', record)
  }
  coordinator.start()
  const { changes } = coordinator
  const parts = [
    coordinator,
    new QuotaCoordinator({ changes }),
    new AclCoordinator({ changes, random: seededRandom(8), hasAuthorizer: true }),
  ]
  const ask = <Response>(api: { key: number; versionMax: number }, request: unknown, apiVersion = api.versionMax) =>
    new Promise<Response>((resolve) => {
      const context = {
        apiKey: api.key,
        apiVersion,
        clientId: 'test',
        clientHost: '/127.0.0.1',
        connectionId: '1',
        listenerName: 'PLAINTEXT',
        clientPort: 40_000,
        softwareName: null,
        softwareVersion: null,
      }
      const part = parts.find(({ apiKeys }) => apiKeys.includes(api.key)) ?? coordinator
      part.handle(context, request, (response: unknown) => resolve(response as Response))
    })
  return { clock, journal, effects, coordinator, ask }
}
