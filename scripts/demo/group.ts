/** A consumer group of the demo: reads the topic with two members, the second of which joins in the middle. */

import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs'

/** How many differences a group remembers; more would only repeat the first ones. */
const problemsMax = 20
/** While the second member joins, the first reads this slowly, so that there is something left to share. */
const waitMs = 50

export type GroupOptions = {
  readonly kafka: Kafka
  readonly topic: string
  readonly groupId: string
  readonly expected: ReadonlyMap<string, readonly string[]>
  readonly recordCount: number
}

/** Reads everything, compares it, and counts. */
export class DemoGroup {
  readonly #options: GroupOptions
  readonly #members: Consumer[] = []
  readonly #nextOffset = new Map<number, bigint>()
  readonly #nextByKey = new Map<string, number>()
  readonly #done = Promise.withResolvers<void>()
  /** Records that each member was the first to read, in order of the members. */
  readonly readByMember: number[] = []
  readonly problems: string[] = []
  read = 0
  bytes = 0
  /** Records that came again, since they had not been committed before the rebalance. */
  repeated = 0
  rebalances = 0
  #isSharing = false
  #lastJoined: Promise<void> | undefined

  constructor(options: GroupOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.groupId
  }

  /** Resolves once every record has been read. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  /** Starts one more member; resolves once it has its share of the partitions. */
  async addMember(): Promise<void> {
    const { kafka, groupId, topic } = this.#options
    const member = this.#members.length
    const consumer = kafka.consumer({ groupId, heartbeatInterval: 300, sessionTimeout: 30_000, maxWaitTimeInMs: 100 })
    this.#members.push(consumer)
    this.readByMember.push(0)
    const joined = Promise.withResolvers<void>()
    consumer.on(consumer.events.GROUP_JOIN, () => {
      this.rebalances += 1
      joined.resolve()
    })
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) this.#done.reject(payload.error)
    })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 2,
      eachBatch: (payload) => this.#eachBatch(member, payload),
    })
    await joined.promise
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map((consumer) => consumer.disconnect()))
  }

  async #eachBatch(member: number, payload: EachBatchPayload): Promise<void> {
    const { batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, isRunning, isStale } = payload
    const share = Math.floor(this.#options.recordCount / 3)
    if (this.read >= share && this.#members.length === 1 && this.#lastJoined === undefined) this.#shareWork()
    // A heartbeat that hears of the rebalance throws, and the client library joins again.
    while (this.#isSharing && isRunning() && !isStale()) {
      await heartbeat()
      await new Promise((resolve) => setTimeout(resolve, waitMs))
    }
    for (const message of batch.messages) {
      if (!isRunning() || isStale()) return
      this.#take(member, batch.partition, message)
      resolveOffset(message.offset)
    }
    await commitOffsetsIfNecessary()
    await heartbeat()
  }

  #shareWork(): void {
    this.#isSharing = true
    this.#lastJoined = this.addMember()
      .catch((error: unknown) => this.#done.reject(error))
      .finally(() => {
        this.#isSharing = false
      })
  }

  #take(
    member: number,
    partition: number,
    message: { offset: string; key: Buffer | null; value: Buffer | null },
  ): void {
    const offset = BigInt(message.offset)
    const next = this.#nextOffset.get(partition) ?? 0n
    if (offset < next) {
      this.repeated += 1
      return
    }
    if (offset > next) this.#note(`partition ${partition}: offset ${offset} came where ${next} was due`)
    this.#nextOffset.set(partition, offset + 1n)
    this.read += 1
    this.readByMember[member] = (this.readByMember[member] ?? 0) + 1
    const key = message.key?.toString() ?? ''
    const value = message.value?.toString() ?? ''
    this.bytes += value.length
    const place = this.#nextByKey.get(key) ?? 0
    this.#nextByKey.set(key, place + 1)
    // What is left to commit, the members commit when they leave.
    if (this.read >= this.#options.recordCount) this.#done.resolve()
    const expected = this.#options.expected.get(key)?.[place]
    if (expected !== value) this.#note(`key ${key}, record ${place}: read ${value}, wrote ${expected}`)
  }

  /** Keys of which not every record was read. */
  missing(): string[] {
    return [...this.#options.expected]
      .filter(([key, values]) => this.#nextByKey.get(key) !== values.length)
      .map(([key, values]) => `key ${key}: read ${this.#nextByKey.get(key) ?? 0} of ${values.length} records`)
  }

  #note(problem: string): void {
    if (this.problems.length < problemsMax) this.problems.push(problem)
  }
}
