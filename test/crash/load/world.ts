/** What the clients of a crash run share: the history that they write, the numbers that they give out, and the word to stop. */

import { type Random, seededRandom } from '../../../src/base/random.ts'
import { KafkaClient } from '../../../src/client/client.ts'
import { History } from '../../history/history.ts'

/** Topics with their partitions: what producers write, what copiers read, and what they write. */
export const crashTopics = { plain: 3, input: 2, output: 2 } as const

export type CrashTopic = keyof typeof crashTopics

const topicNames = Object.keys(crashTopics)

/** The number that a partition has in the history. */
export function partitionKey(topic: string, partition: number): number {
  return topicNames.indexOf(topic) * 100 + partition
}

/** Every partition of some topics. */
export function partitionsOf(
  topics: readonly CrashTopic[],
): { readonly topic: CrashTopic; readonly partition: number }[] {
  return topics.flatMap((topic) => Array.from({ length: crashTopics[topic] }, (_, partition) => ({ topic, partition })))
}

/** A client that works until the world stops. */
export interface Actor {
  readonly name: string
  /** Grows with each success. */
  readonly progress: number
  run(): Promise<void>
}

/** A copy that a copier made, by the value that it wrote. */
export type Copy = { readonly copier: number; readonly input: number }

export class World {
  readonly history = new History()
  readonly random: Random
  /** Whether acknowledged records may be gone after a power cut. */
  readonly isLossy: boolean
  readonly copies = new Map<number, Copy>()
  /** Refusals that no broker may utter. */
  readonly problems: string[] = []
  address = ''
  isStopping = false
  /** Requests that write something and were not answered yet. */
  inFlight = 0
  /** Grows with each power cut. */
  generation = 0
  #last = { value: 0, transaction: 0, process: 0, reader: 0 }

  constructor(options: { readonly seed: number; readonly isLossy: boolean }) {
    this.random = seededRandom(options.seed)
    this.isLossy = options.isLossy
  }

  /** A number that nothing else of the same kind has. */
  next(kind: 'value' | 'transaction' | 'process' | 'reader'): number {
    return ++this.#last[kind]
  }

  /** A reader that the history knows. */
  nextReader(isolation: 'committed' | 'uncommitted', isFinal = false): number {
    const reader = this.next('reader')
    this.history.readers.set(reader, { isolation, isFinal })
    return reader
  }

  /** Counts a write as in flight while it lasts. */
  async writing<Result>(write: () => Promise<Result>): Promise<Result> {
    this.inFlight++
    try {
      return await write()
    } finally {
      this.inFlight--
    }
  }

  problem(actor: Actor, thrown: unknown): void {
    this.problems.push(`${actor.name}: ${thrown instanceof Error ? thrown.message : thrown}`)
  }
}

/** How long a patient client sends again: longer than any wait of a test, which counts in ticks and so has the last word. */
export const patientMs = 600_000

/** A client that sends again for that long, or gives up at once, as a process does that dies with its broker. */
export function crashClient({ address }: World, isPatient: boolean): KafkaClient {
  return new KafkaClient({
    brokers: [address],
    retryTimeoutMs: isPatient ? patientMs : 0,
    retryBackoffMs: 20,
    requestTimeoutMs: 30_000,
    connectTimeoutMs: 5_000,
  })
}

export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}
