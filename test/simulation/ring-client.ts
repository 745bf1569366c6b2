/** A writer that goes to the rings itself, with other threads' steps between its claim and its publish. */

import { Bell } from '../../src/ring/bell.ts'
import { isSlot, slotDistance } from '../../src/ring/cursor.ts'
import type { Ring } from '../../src/ring/ring.ts'
import { PartitionTable } from '../../src/ring/table.ts'
import { ErrorCode, isRetriable } from '../../src/wire/generated/errors.ts'
import { SentBatch } from './batches.ts'
import { Client } from './client.ts'
import { simulationWriter } from './life.ts'
import type { World } from './world.ts'

const pauseMsMax = 120
const lookAgainMs = 1

export class RingClient extends Client {
  #process: number

  constructor(world: World, name: string) {
    super(world, name)
    this.#process = world.nextProcess()
  }

  async run(): Promise<void> {
    while (!this.world.isWindingDown) {
      await this.sleep(this.world.random.below(pauseMsMax))
      await this.#append()
    }
  }

  async #append(): Promise<void> {
    const { world } = this
    const { life } = world
    const partition = world.random.below(world.places.length)
    const { topic, index } = world.place(partition)
    const found = life?.watch.ringOf(topic, index)
    if (life === undefined || !life.isListening || found === undefined) return
    const batch = new SentBatch(world, { process: this.#process, partition })
    const bytes = batch.bytes(this.nowMs)
    const { ring } = found
    const claimed = ring.claim(bytes.length, simulationWriter)
    if (!isSlot(claimed)) {
      batch.end('failed')
      return
    }
    life.openClaims++
    await this.sleep(world.random.below(3))
    if (life.isOver) {
      this.#lose(batch)
      return
    }
    ring.copy(claimed, bytes, 0, bytes.length)
    ring.publish(claimed)
    const table = new PartitionTable(life.topology.table)
    const bells = life.topology.ownerBells.map((memory) => new Bell(memory))
    const ringOwners = (): void => {
      for (const bell of bells) bell.markAndRing(found.slot)
    }
    ringOwners()
    const isReadable = await this.#untilReadable(ring, claimed)
    if (!isReadable) {
      this.#lose(batch)
      return
    }
    const outcome = ring.outcome(claimed)
    const baseOffset = ring.baseOffset(claimed)
    ring.markAnswered(claimed)
    life.openClaims--
    if (table.roomInterest(found.slot) !== 0) ringOwners()
    if (outcome === ErrorCode.NONE) batch.end('ok', baseOffset)
    else if (isRetriable(outcome)) this.#lose(batch)
    else this.refuse('an append to a ring', outcome)
  }

  async #untilReadable(ring: Ring, slot: number): Promise<boolean> {
    const { life } = this.world
    while (slotDistance(slot, ring.readable()) < 1) {
      if (life === undefined || life.isOver) return false
      await this.sleep(lookAgainMs)
    }
    return life !== undefined && !life.isOver
  }

  #lose(batch: SentBatch): void {
    batch.end('unknown')
    this.#process = this.world.nextProcess()
  }
}
