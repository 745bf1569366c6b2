/** Producers without transactions: plain ones, which may send twice, and idempotent ones, which never may. */

import { initProducerIdCall, produceCall } from '../../src/client/calls.ts'
import { ConnectionError } from '../../src/client/errors.ts'
import { ErrorCode, isRetriable } from '../../src/wire/generated/errors.ts'
import { makeInitProducerIdRequest } from '../../src/wire/generated/init-producer-id.ts'
import { makeProduceRequest, type ProduceRequest } from '../../src/wire/generated/produce.ts'
import { batchHeaderBytes } from '../../src/wire/record-batch.ts'
import { SentBatch } from './batches.ts'
import { Client } from './client.ts'
import type { SimulatedConnection } from './connection.ts'
import { Violation, type World } from './world.ts'

/** The newest version that names topics, and the first in which the broker adds partitions to transactions. */
export const produceVersions = { byName: 11, adding: 12 } as const
const produceTimeoutMs = 5_000
const pauseMsMax = 60
/** Of a plain producer's batches. */
const damagedPercent = 3
/** Of an idempotent producer's bursts. */
const gapPercent = 5
/** Batches that an idempotent producer has under way, within the five that brokers remember. */
const burstMax = 5

export function produceRequest(
  world: World,
  partition: number,
  records: Buffer,
  more: { acks?: number; transactionalId?: string } = {},
): ProduceRequest {
  const { topic, index } = world.place(partition)
  return makeProduceRequest({
    transactionalId: more.transactionalId ?? null,
    acks: more.acks ?? -1,
    timeoutMs: produceTimeoutMs,
    topicData: [{ name: topic, topicId: Buffer.alloc(16), partitionData: [{ index, records }] }],
  })
}

/** How a produce ended; `lost`: nobody knows. */
export type Produced = { readonly errorCode: number; readonly baseOffset: number } | 'lost'

/** Sends one batch of one partition. */
export async function produceOnce(
  connection: SimulatedConnection,
  request: ProduceRequest,
  version: number,
): Promise<Produced> {
  try {
    const { responses } = await connection.send(produceCall, request, { version })
    const answer = responses[0]?.partitionResponses[0]
    return { errorCode: answer?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR, baseOffset: answer?.baseOffset ?? -1 }
  } catch (thrown) {
    if (thrown instanceof ConnectionError) return 'lost'
    throw thrown
  }
}

/** A producer without a producer id. Where it sends again, a record may be there twice. */
export class PlainProducer extends Client {
  #process: number
  readonly #mayRepeat: boolean

  constructor(world: World, name: string, mayRepeat: boolean) {
    super(world, name)
    this.#process = world.nextProcess()
    this.#mayRepeat = mayRepeat
  }

  async run(): Promise<void> {
    while (!this.world.isWindingDown) {
      await this.sleep(this.world.random.below(pauseMsMax))
      if (this.world.chance(damagedPercent)) await this.#sendDamaged()
      else await this.#send()
    }
    this.disconnect()
  }

  /** A batch with a wrong bit, as from a broken network card: it must never get in. */
  async #sendDamaged(): Promise<void> {
    const { world } = this
    const partition = world.random.below(world.places.length)
    const batch = new SentBatch(world, { process: this.#process, partition })
    const bytes = batch.bytes(this.nowMs)
    const position = batchHeaderBytes + world.random.below(bytes.length - batchHeaderBytes)
    bytes.writeUInt8(bytes.readUInt8(position) ^ (1 << world.random.below(8)), position)
    const produced = await produceOnce(
      await this.connect(),
      produceRequest(world, partition, bytes),
      produceVersions.byName,
    )
    batch.end('failed')
    if (produced !== 'lost' && produced.errorCode === ErrorCode.NONE) {
      throw new Violation(`a batch with a wrong bit was taken by partition ${partition}`)
    }
  }

  async #send(): Promise<void> {
    const { world } = this
    const partition = world.random.below(world.places.length)
    const batch = new SentBatch(world, { process: this.#process, partition, mayRepeat: this.#mayRepeat })
    const acks = world.pick([-1, -1, 1, 0])
    const request = produceRequest(world, partition, batch.bytes(this.nowMs), { acks })
    if (acks === 0) {
      const connection = await this.connect()
      connection.sendOnly(produceCall, request, produceVersions.byName)
      batch.end('unknown')
      return
    }
    for (let tries = 0; ; tries++) {
      const produced = await produceOnce(await this.connect(), request, produceVersions.byName)
      if (produced !== 'lost' && produced.errorCode === ErrorCode.NONE) {
        batch.end('ok', produced.baseOffset)
        return
      }
      if (produced !== 'lost' && !isRetriable(produced.errorCode)) this.refuse('Produce', produced.errorCode)
      if (!this.#mayRepeat || tries >= 4) {
        batch.end('unknown')
        // It may still arrive, behind what is sent from now on: as another process's.
        this.#process = world.nextProcess()
        return
      }
      await this.pauseBeforeRetry()
    }
  }
}

type InBurst = { readonly batch: SentBatch; readonly request: ProduceRequest; produced: Produced | undefined }

/** An idempotent producer: sends several batches at once, and all again, in order, until each is acknowledged. */
export class IdempotentProducer extends Client {
  #process = 0
  #producer = { producerId: -1, producerEpoch: -1 }
  readonly #sequences = new Map<number, number>()

  async run(): Promise<void> {
    await this.#init()
    while (!this.world.isWindingDown) {
      await this.sleep(this.world.random.below(pauseMsMax))
      await this.#sendBurst()
    }
    this.disconnect()
  }

  async #init(): Promise<void> {
    const request = { ...makeInitProducerIdRequest({ transactionalId: null }), producerId: -1, producerEpoch: -1 }
    this.#producer = await this.askUntil(
      () => this.ask(initProducerIdCall, request, 5),
      (response) => response.errorCode,
    )
    this.#sequences.clear()
    this.#process = this.world.nextProcess()
  }

  async #sendBurst(): Promise<void> {
    const { world } = this
    const partition = world.random.below(world.places.length)
    const burst = Array.from({ length: 1 + world.random.below(burstMax) }, () => this.#prepare(partition))
    for (;;) {
      const first = burst.findIndex(({ produced }) => produced === undefined)
      if (first < 0) break
      const sent = burst.slice(first)
      const connection = await this.connect()
      const answers = await Promise.all(sent.map((inBurst) => this.#sendOne(connection, inBurst)))
      if (!this.#take(sent, answers)) {
        for (const { batch, produced } of sent) if (produced === undefined) batch.end('unknown')
        await this.#init()
        return
      }
      if (sent.some(({ produced }) => produced === undefined)) await this.pauseBeforeRetry()
    }
    if (world.chance(gapPercent)) await this.#leaveGap(partition)
  }

  /** A batch with a hole before it, right behind one that the partition has taken: it must be refused. */
  async #leaveGap(partition: number): Promise<void> {
    const { world } = this
    const { life } = world
    const batch = new SentBatch(world, { process: world.nextProcess(), partition })
    const baseSequence = (this.#sequences.get(partition) ?? 0) + 1
    const records = batch.bytes(this.nowMs, { ...this.#producer, baseSequence, isTransactional: false })
    const connection = await this.connect()
    const produced = await produceOnce(connection, produceRequest(world, partition, records), produceVersions.byName)
    // After a restart the partition may have forgotten the producer, and takes any sequence for the first.
    if (world.life !== life) {
      batch.end('unknown')
      await this.#init()
      return
    }
    batch.end('failed')
    if (produced !== 'lost' && produced.errorCode === ErrorCode.NONE) {
      throw new Violation(`partition ${partition} took a batch behind a hole in its producer's sequences`)
    }
  }

  /** What was acknowledged is noted at once: a power cut may come before the answers to the others do. */
  async #sendOne(connection: SimulatedConnection, inBurst: InBurst): Promise<Produced> {
    const produced = await produceOnce(connection, inBurst.request, produceVersions.byName)
    if (produced !== 'lost' && produced.errorCode === ErrorCode.NONE) {
      inBurst.produced = produced
      inBurst.batch.end('ok', produced.baseOffset)
    }
    return produced
  }

  /** False where the broker has lost the producer, as it may after a power cut, or where records were deleted. */
  #take(sent: readonly InBurst[], answers: readonly Produced[]): boolean {
    for (const [index, answer] of answers.entries()) {
      const inBurst = sent[index]
      if (inBurst === undefined || answer === 'lost') return true
      if (answer.errorCode === ErrorCode.NONE) continue
      if (isRetriable(answer.errorCode)) return true
      const { sync } = this.world.place(inBurst.batch.partition)
      const { partition } = inBurst.batch
      const isExcused = (this.world.hasLostTails && sync !== 'every') || this.world.wasTrimmed(partition)
      if (!isExcused) this.refuse(`an idempotent Produce to partition ${partition}`, answer.errorCode)
      return false
    }
    return true
  }

  #prepare(partition: number): InBurst {
    const { world } = this
    const batch = new SentBatch(world, { process: this.#process, partition })
    const baseSequence = this.#sequences.get(partition) ?? 0
    this.#sequences.set(partition, baseSequence + batch.values.length)
    const records = batch.bytes(this.nowMs, { ...this.#producer, baseSequence, isTransactional: false })
    return { batch, request: produceRequest(world, partition, records), produced: undefined }
  }
}
