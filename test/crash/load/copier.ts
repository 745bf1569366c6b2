/** Consume, transform, produce: copies an input partition, each transaction with the offset that it has read up to. */

import type { KafkaClient } from '../../../src/client/client.ts'
import { mayRetry } from '../../../src/client/errors.ts'
import { fetchCommitted } from '../../../src/client/group-member.ts'
import { TransactionalProducer } from '../../../src/client/transactional-producer.ts'
import { noOffset, type Outcome } from '../../history/history.ts'
import { NotedConsumer, type NotedRecord } from './noted-consumer.ts'
import { encodePayload } from './payload.ts'
import { type Actor, crashClient, crashTopics, partitionKey, patientMs, pause, type World } from './world.ts'

export type CopierOptions = {
  readonly world: World
  /** Each copies the input partition of its number, so that each is its group alone. */
  readonly inputPartition: number
  readonly protocol: 1 | 2
  /** Whether it sends again what was not answered, or begins anew as a process does that died. */
  readonly isPatient: boolean
}

const recordsPerTransactionMax = 25

/** The group of the copier of an input partition: its name, and its number in the history. */
export function copierGroup(inputPartition: number): { readonly name: string; readonly number: number } {
  return { name: `copier-${inputPartition}`, number: 1 + inputPartition }
}

export class Copier implements Actor {
  readonly name: string
  progress = 0
  readonly #options: CopierOptions
  readonly #world: World
  readonly #process: number
  #order = 0

  constructor(options: CopierOptions) {
    this.#options = options
    this.#world = options.world
    this.#process = this.#world.next('process')
    const kind = options.isPatient ? 'patient' : 'dying'
    this.name = `copier ${options.inputPartition} (protocol ${options.protocol}, ${kind})`
  }

  async run(): Promise<void> {
    const client = crashClient(this.#world, this.#options.isPatient)
    while (!this.#world.isStopping) {
      try {
        await this.#live(client)
      } catch (thrown) {
        if (this.#options.isPatient || !mayRetry(thrown)) this.#world.problem(this, thrown)
        await pause(20)
      }
    }
    await client.close()
    await this.#settle()
  }

  /** Ends what a life left open, so that nobody waits for its time to run out. */
  async #settle(): Promise<void> {
    const client = crashClient(this.#world, true)
    await this.#producer(client).init()
    await client.close()
  }

  #producer(client: KafkaClient): TransactionalProducer {
    const { inputPartition, protocol } = this.#options
    const transactionalId = copierGroup(inputPartition).name
    return new TransactionalProducer({ client, transactionalId, protocol, transactionTimeoutMs: patientMs })
  }

  async #live(client: KafkaClient): Promise<void> {
    const { inputPartition } = this.#options
    const producer = this.#producer(client)
    await this.#world.writing(() => producer.init())
    const reader = this.#world.nextReader('committed')
    const consumer = new NotedConsumer({ world: this.#world, client, reader, isolation: 'committed' })
    let next = await this.#committed(client)
    const start = (): Promise<void> => consumer.assign([{ topic: 'input', partition: inputPartition, offset: next }])
    await start()
    while (!this.#world.isStopping) {
      const records = (await consumer.poll()) ?? []
      for (let at = 0; at < records.length && !this.#world.isStopping; ) {
        const count = 1 + this.#world.random.below(recordsPerTransactionMax)
        const part = records.slice(at, at + count)
        const end = (part.at(-1)?.offset ?? 0) + 1
        const isCommit = this.#world.random.below(5) > 0
        await this.#world.writing(() => this.#transact(producer, part, { end, isCommit }))
        if (!isCommit) continue
        at += count
        next = end
      }
    }
  }

  async #transact(
    producer: TransactionalProducer,
    records: readonly NotedRecord[],
    { end, isCommit }: { readonly end: number; readonly isCommit: boolean },
  ): Promise<void> {
    const { history } = this.#world
    const transaction = this.#world.next('transaction')
    let [startedAt, outcome, isAsked]: [number, Outcome, boolean] = [history.now, 'unknown', false]
    try {
      const first = this.#world.random.below(crashTopics.output)
      const split = this.#world.random.below(records.length + 1)
      await this.#send(producer, { transaction, partition: first, records: records.slice(0, split) })
      const other = (first + 1) % crashTopics.output
      await this.#send(producer, { transaction, partition: other, records: records.slice(split) })
      await this.#commitOffset(producer, transaction, end)
      startedAt = history.now
      isAsked = true
      await producer.end(isCommit)
      outcome = 'ok'
      this.progress++
    } finally {
      const decision = !isAsked ? 'none' : isCommit ? 'commit' : 'abort'
      history.add({ kind: 'transaction', transaction, decision, outcome, startedAt })
    }
  }

  async #send(
    producer: TransactionalProducer,
    batch: { readonly transaction: number; readonly partition: number; readonly records: readonly NotedRecord[] },
  ): Promise<void> {
    const { history } = this.#world
    const { transaction, partition, records } = batch
    if (records.length === 0) return
    const startedAt = history.now
    const values = records.map(({ value: input }) => {
      const value = this.#world.next('value')
      this.#world.copies.set(value, { copier: this.#options.inputPartition, input })
      return value
    })
    const note = (outcome: Outcome, baseOffset: number): void => {
      values.forEach((value, index) => {
        history.add({
          kind: 'send',
          process: this.#process,
          order: this.#order++,
          partition: partitionKey('output', partition),
          value,
          outcome,
          offset: outcome === 'ok' ? baseOffset + index : noOffset,
          transaction,
          mayRepeat: false,
          startedAt,
        })
      })
    }
    try {
      const timestampMs = Date.now()
      const inputs = values.map((value) => ({ key: null, value: encodePayload(value), timestampMs }))
      note('ok', await producer.send('output', partition, inputs))
    } catch (thrown) {
      note('unknown', noOffset)
      throw thrown
    }
  }

  async #commitOffset(producer: TransactionalProducer, transaction: number, offset: number): Promise<void> {
    const { history } = this.#world
    const { inputPartition } = this.#options
    const group = copierGroup(inputPartition)
    const startedAt = history.now
    const place = { group: group.number, partition: partitionKey('input', inputPartition), offset, transaction }
    const note = (outcome: Outcome): void => history.add({ kind: 'commit', ...place, outcome, startedAt })
    try {
      await producer.sendOffsets(group.name, [{ topic: 'input', partition: inputPartition, offset }])
      note('ok')
    } catch (thrown) {
      note('unknown')
      throw thrown
    }
  }

  async #committed(client: KafkaClient): Promise<number> {
    const { history } = this.#world
    const { inputPartition } = this.#options
    const group = copierGroup(inputPartition)
    const startedAt = history.now
    const [found] = await fetchCommitted(client, group.name, new Map([['input', [inputPartition]]]), true)
    const offset = found?.offset ?? noOffset
    history.add({
      kind: 'committed',
      group: group.number,
      partition: partitionKey('input', inputPartition),
      offset,
      startedAt,
    })
    return Math.max(offset, 0)
  }
}
