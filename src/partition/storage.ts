/** The storage of an owner's partitions: opens disks when they are first needed, and partitions on them. */

import { assertDefined } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { PartitionSlot } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { DiskSpec, OpenPartition, Recovery, StorageKind, Topology } from '../base/topology.ts'
import type { Disk } from '../log/disk.ts'
import { openDisk } from '../log/open-disk.ts'
import { openEngine } from '../log/open-engine.ts'
import { openOnline, openPartition, type PartitionOpening } from './open-partition.ts'
import type { Partition } from './partition.ts'

export type StorageOptions = {
  readonly topology: Topology
  readonly openEngine?: typeof openEngine
  readonly openDisk?: (spec: DiskSpec) => Disk | undefined
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export class Storage {
  readonly #options: Required<StorageOptions>
  readonly #onProgress: (slot: PartitionSlot) => void
  readonly #disks = new Map<StorageKind, Disk>()

  /** `onProgress`: a partition's engine got further by itself. */
  constructor(options: StorageOptions, onProgress: (slot: PartitionSlot) => void) {
    this.#options = { openEngine, openDisk, ...options }
    this.#onProgress = onProgress
  }

  /** Opens a partition. One whose storage cannot be opened is answered too, in state `failed`. */
  open(open: OpenPartition): { partition: Partition; recovery: Recovery } {
    return openPartition(this.#openingOf(open))
  }

  /** Recovers a failed partition and opens it anew, without what had been refused. Throws where that cannot be done yet. */
  reopen({ opening, highWatermark, hadFolder }: Partition): { partition: Partition; recovery: Recovery } {
    const known = hadFolder ? {} : { endOffsetMax: highWatermark }
    return openOnline({ ...this.#openingOf(opening), ...known })
  }

  /** The disk for a kind of storage; undefined where that needs none. Throws where it cannot be opened. */
  diskFor(storage: StorageKind): Disk | undefined {
    if (storage === 'ring') return undefined
    const known = this.#disks.get(storage)
    if (known !== undefined) return known
    const { topology, openDisk } = this.#options
    const disk = openDisk(assertDefined(topology.disks[storage], 'there is no disk for this storage'))
    if (disk !== undefined) this.#disks.set(storage, disk)
    return disk
  }

  close(): void {
    for (const disk of this.#disks.values()) disk.close()
  }

  #openingOf(open: OpenPartition): PartitionOpening {
    const { openEngine, clock, random, logger } = this.#options
    const disk = (): Disk | undefined => this.diskFor(open.settings.storage)
    return { open, openEngine, disk, clock, random, logger, onProgress: () => this.#onProgress(open.slot) }
  }
}
