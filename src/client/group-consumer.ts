/** A consumer in a group: reads what the group gives it, and commits what was handed out. */

import { type ConsumedRecord, Consumer, type ConsumerOptions, type Position, type StartPlace } from './consumer.ts'
import { mayRetry } from './errors.ts'
import { GroupMember, type GroupMemberOptions } from './group-member.ts'
import type { TopicPartitions } from './range-assignor.ts'

export type GroupConsumerOptions = GroupMemberOptions &
  ConsumerOptions & {
    /** How often what was handed out is committed. Default 5,000; it also is at `close` and before a rebalance. */
    readonly commitIntervalMs?: number
  }

/** Reads as a member of a group. What one `poll` answered counts as done with the next one. */
export class GroupConsumer {
  readonly #options: GroupConsumerOptions
  readonly #member: GroupMember
  readonly #consumer: Consumer
  readonly #commitIntervalMs: number
  readonly #from: StartPlace
  #committedAtMs: number
  #assignment: TopicPartitions = new Map()

  constructor(options: GroupConsumerOptions) {
    this.#options = options
    this.#member = new GroupMember(options)
    this.#consumer = new Consumer(options)
    this.#commitIntervalMs = options.commitIntervalMs ?? 5_000
    this.#from = options.from ?? 'beginning'
    this.#committedAtMs = options.client.clock.monotonicMs()
  }

  /** What the group gave this member. */
  get assignment(): TopicPartitions {
    return this.#assignment
  }

  /** Whether everything that is assigned has been read. */
  get isAtEnd(): boolean {
    return !this.#member.needsJoin && this.#consumer.isAtEnd
  }

  /** The next records; none after a while without any. Joins where needed, so it may take a rebalance's time. */
  async poll(): Promise<ConsumedRecord[]> {
    if (this.#member.needsJoin) {
      await this.#commitQuietly()
      await this.#join()
    }
    const nowMs = this.#options.client.clock.monotonicMs()
    if (nowMs - this.#committedAtMs >= this.#commitIntervalMs) await this.#commitQuietly()
    return this.#consumer.poll()
  }

  /** Hands out again from that offset on, so that what comes behind it counts as not read. */
  seek(position: Position): void {
    this.#consumer.seek(position)
  }

  /** Commits what was handed out. Throws where the group has moved on: then others read it again. */
  async commit(): Promise<void> {
    this.#committedAtMs = this.#options.client.clock.monotonicMs()
    await this.#member.commit(this.#consumer.positions())
  }

  /** Commits and leaves the group. The client stays open. */
  async close(): Promise<void> {
    await this.#commitQuietly()
    await this.#member.leave()
  }

  async #join(): Promise<void> {
    this.#assignment = await this.#member.join()
    const committed = await this.#member.committed(this.#assignment)
    const offsets = new Map(committed.map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset]))
    const assignments = [...this.#assignment].flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({
        topic,
        partition,
        offset: offsets.get(`${topic}/${partition}`) ?? this.#from,
      })),
    )
    await this.#consumer.assign(assignments)
  }

  /** After a rebalance, or while the coordinator is away, a commit may fail: records are then read twice, never lost. */
  async #commitQuietly(): Promise<void> {
    if (this.#assignment.size === 0) return
    try {
      await this.commit()
    } catch (thrown) {
      if (!this.#member.needsJoin && !mayRetry(thrown)) throw thrown
    }
  }
}
