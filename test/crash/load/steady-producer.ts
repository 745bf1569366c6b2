/** A producer that sends all the time, through crashes, and notes what became of each record. */

import { KafkaError } from '../../../src/client/errors.ts'
import { Producer } from '../../../src/client/producer.ts'
import { noOffset, noTransaction, type Outcome } from '../../history/history.ts'
import { encodePayload } from './payload.ts'
import { type Actor, type CrashTopic, crashClient, crashTopics, partitionKey, pause, type World } from './world.ts'

/**
 * `once` asks for acks=1 and gives a record up with its connection; `again` sends it again, and so perhaps twice; `idempotent`
 * sends it again and trusts the broker to take it once.
 */
export type ProducerMode = 'once' | 'again' | 'idempotent'

export type SteadyProducerOptions = { readonly world: World; readonly mode: ProducerMode; readonly topic: CrashTopic }

const recordsPerTurn = 60
const batchBytes = 8_000
const codecs = ['none', 'none', 'lz4', 'snappy', 'gzip', 'zstd'] as const

export class SteadyProducer implements Actor {
  readonly name: string
  progress = 0
  readonly #world: World
  readonly #mode: ProducerMode
  readonly #topic: CrashTopic
  #process: number
  #order = 0
  #hasFailed = false

  constructor({ world, mode, topic }: SteadyProducerOptions) {
    this.#world = world
    this.#mode = mode
    this.#topic = topic
    this.#process = world.next('process')
    this.name = `producer ${this.#process} (${mode}, ${topic})`
  }

  async run(): Promise<void> {
    const client = crashClient(this.#world, this.#mode !== 'once')
    const isIdempotent = this.#mode === 'idempotent'
    const make = (): Producer => {
      const compression = codecs[this.#world.random.below(codecs.length)] ?? 'none'
      return new Producer({ client, isIdempotent, acks: isIdempotent ? -1 : 1, batchBytes, compression })
    }
    let producer = make()
    while (!this.#world.isStopping) {
      this.#hasFailed = false
      await Promise.all(Array.from({ length: recordsPerTurn }, () => this.#send(producer)))
      if (!this.#hasFailed) continue
      // As Kafka's clients do where a sequence is lost for good: begin anew, under another id.
      producer = make()
      this.#process = this.#world.next('process')
      await pause(20)
    }
    await client.close()
  }

  async #send(producer: Producer): Promise<void> {
    const { history, random } = this.#world
    const value = this.#world.next('value')
    const partition = random.below(crashTopics[this.#topic])
    const known = {
      kind: 'send',
      process: this.#process,
      order: this.#order++,
      partition: partitionKey(this.#topic, partition),
      value,
      transaction: noTransaction,
      mayRepeat: this.#mode === 'again',
      startedAt: history.now,
    } as const
    const note = (outcome: Outcome, offset: number): void => history.add({ ...known, outcome, offset })
    try {
      const record = { topic: this.#topic, partition, value: encodePayload(value) }
      const { offset } = await this.#world.writing(() => producer.send(record))
      note('ok', offset)
      this.progress++
    } catch (thrown) {
      note('unknown', noOffset)
      this.#hasFailed = true
      // Where a power cut took records away, a sequence that goes on behind them is rightly refused.
      const isExpected = this.#mode === 'once' || (this.#world.isLossy && thrown instanceof KafkaError)
      if (!isExpected) this.#world.problem(this, thrown)
    }
  }
}
