/** Brings partitions back whose storage failed, without a restart: tries again with growing pauses, and only through recovery. */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf, SafkaError } from '../base/errors.ts'
import type { PartitionSlot } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import { partitionDirectory, type Recovery, recoveryText } from '../base/topology.ts'
import { probeDisk } from '../log/probe.ts'
import type { Partition } from './partition.ts'
import type { Storage } from './storage.ts'

/** The pause before the first try; each further one doubles it, up to the longest. */
export const reopenPauseMs = 500
export const reopenPauseMsMax = 30_000

/** A partition that fails again this soon after it came back goes on with the pauses that it had: its disk is not well yet. */
const relapseMs = 60_000

/** One partition's troubles, since it first failed. */
type Trouble = { pauseMs: number; backAtMs: number; reason: string; timer: Timer | undefined }

export type ReopeningOptions = {
  readonly clock: Clock
  readonly logger: Logger
  readonly storage: Pick<Storage, 'diskFor' | 'reopen'>
  /** `fresh` may take the place of `failed`. */
  readonly reopened: (failed: Partition, fresh: Partition) => void
}

/** Bounded by the owner's partitions: one timer, or one try, for each that failed. */
export class Reopening {
  readonly #options: ReopeningOptions
  readonly #troubles = new Map<PartitionSlot, Trouble>()
  #isStopped = false

  constructor(options: ReopeningOptions) {
    this.#options = options
  }

  /** The partition has just failed, or could not be opened. */
  failed(partition: Partition): void {
    const nowMs = this.#options.clock.monotonicMs()
    const known = this.#troubles.get(partition.slot)
    const isRelapse = known !== undefined && nowMs - known.backAtMs < relapseMs
    const trouble: Trouble = isRelapse ? known : { pauseMs: reopenPauseMs, backAtMs: 0, reason: '', timer: undefined }
    this.#troubles.set(partition.slot, trouble)
    this.#later(partition, trouble)
  }

  /** The partition is gone. */
  forget(slot: PartitionSlot): void {
    this.#troubles.get(slot)?.timer?.cancel()
    this.#troubles.delete(slot)
  }

  stop(): void {
    this.#isStopped = true
    for (const slot of [...this.#troubles.keys()]) this.forget(slot)
  }

  #later(partition: Partition, trouble: Trouble): void {
    if (this.#isStopped) return
    trouble.timer = this.#options.clock.startTimer(trouble.pauseMs, () => void this.#try(partition, trouble))
    trouble.pauseMs = Math.min(2 * trouble.pauseMs, reopenPauseMsMax)
  }

  async #try(partition: Partition, trouble: Trouble): Promise<void> {
    const isWanted = (): boolean => this.#troubles.get(partition.slot) === trouble && partition.state === 'failed'
    const { logger, clock } = this.#options
    const fields = { topic: partition.topic, partition: partition.index }
    try {
      await this.#probe(partition)
      if (!isWanted()) return
      const { partition: fresh, recovery } = this.#open(partition)
      trouble.backAtMs = clock.monotonicMs()
      trouble.reason = ''
      logger.info('a partition is back', { ...fields, recovery: recoveryText(recovery) })
      this.#options.reopened(partition, fresh)
    } catch (thrown) {
      if (!isWanted()) return
      const reason = messageOf(thrown)
      // Said once for each reason, and not with each try.
      if (reason !== trouble.reason) logger.warn('a partition stays offline for now', { ...fields, reason })
      trouble.reason = reason
      this.#later(partition, trouble)
    }
  }

  /** Lets go of what the failed engine holds, and asks the disk. */
  async #probe(partition: Partition): Promise<void> {
    if (!partition.isDrained()) throw new SafkaError('SAFKA_STORAGE_FAILED', 'its ring is not drained yet')
    partition.engine.close()
    const disk = this.#options.storage.diskFor(partition.settings.storage)
    if (disk === undefined || !disk.isDurable) return
    const directory = partitionDirectory(partition.topic, partition.index)
    if (disk.exists(directory)) await probeDisk(disk, directory, 'partition')
    else if (partition.hadFolder || partition.highWatermark > 0) throw folderGone(directory)
    else await probeDisk(disk, '', String(partition.slot))
  }

  /** What readers have seen, and producers were told, must be there again: an older or an empty folder is not served. */
  #open(partition: Partition): { readonly partition: Partition; readonly recovery: Recovery } {
    const opened = this.#options.storage.reopen(partition)
    const { nextOffset, engine } = opened.partition
    if (nextOffset >= partition.highWatermark) {
      // That the start had moved may not have got to the disk, but readers know.
      engine.deleteRecordsBefore(partition.startOffset)
      if (engine.failure !== undefined) throw engine.failure
      opened.partition.startOffset = engine.startOffset
      return opened
    }
    engine.close()
    throw new SafkaError(
      'SAFKA_STORAGE_FAILED',
      `its log ends at offset ${nextOffset}, but ${partition.highWatermark} had been reached: ` +
        'bring the folder back as it was, restart the broker to go on with what is there, or delete the topic',
    )
  }
}

function folderGone(directory: string): SafkaError {
  return new SafkaError('SAFKA_STORAGE_FAILED', `its folder ${directory} is gone: bring it back, or delete the topic`)
}
