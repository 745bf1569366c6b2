/** Compaction, as main drives it: the dirtiest log first, so many at once as configured, and what was done is remembered. */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Offset, PartitionSlot } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import { type CatalogTopic, partitionDirectory, type Topology } from '../base/topology.ts'
import type { CleaningOutcome } from '../log/cleaning/clean-log.ts'
import { readCleanerCheckpoint, writeCleanerCheckpoint } from '../log/cleaning/cleaner-checkpoint.ts'
import type { Disk } from '../log/disk.ts'
import type { CleaningPlan, DirtyLog } from '../log/engine.ts'
import { BytePacer } from './byte-pacer.ts'
import { type CleanerSettings, cleanerSettings } from './cleaner-settings.ts'
import type { CleaningRunner } from './cleaning-runner.ts'
import type { CleaningControl, CleaningReport } from './remote-cleaning.ts'
import type { OwnerControl } from './remotes.ts'
import type { KeptPartition } from './ring-keeper.ts'
import type { TopicRegistry } from './topic-registry.ts'

export type LogCleanerOptions = {
  readonly owners: readonly OwnerControl[]
  readonly registry: Pick<TopicRegistry, 'topics' | 'partitionAt'>
  readonly disks: Topology['disks']
  /** Of the `local` topics; undefined where nothing outlives the process. */
  readonly checkpointDisk: Disk | undefined
  readonly runner: CleaningRunner
  readonly clock: Clock
  readonly logger: Logger
  /** A broker config's value in force. */
  readonly configOf: (name: string) => string | null
}

type Running = { isCalledOff: boolean; readonly done: Promise<void> }
type Dirty = DirtyLog & { readonly partition: KeptPartition }

/** Cleans logs from `start` to `stop`. A log whose cleaning fails is left alone until the broker starts again, as in Kafka. */
export class LogCleaner {
  readonly #options: LogCleanerOptions
  readonly #pacer: BytePacer
  readonly #running = new Map<PartitionSlot, Running>()
  readonly #uncleanable = new Set<PartitionSlot>()
  /** Whose cleaning was called off: they wait for the next round. */
  readonly #resting = new Set<PartitionSlot>()
  /** Where cleanings ended, by folder: what the checkpoint says. */
  readonly #ends = new Map<string, Offset>()
  #timer: Timer | undefined
  #isLooking = false
  #isStopped = false

  constructor(options: LogCleanerOptions) {
    this.#options = options
    this.#pacer = new BytePacer(options.clock)
  }

  /** Tells the owners where earlier cleanings ended, and begins. */
  async start(): Promise<void> {
    if (!this.#settings().isEnabled) return
    await this.#resume()
    this.#schedule()
  }

  /** Calls off the cleanings of a topic that is about to go; resolves once none of them writes any more. */
  async abandon({ name, partitions }: CatalogTopic): Promise<void> {
    await this.#callOff(partitions.map(({ slot }) => slot))
    for (const { index, slot } of partitions) {
      this.#uncleanable.delete(slot)
      this.#resting.delete(slot)
      this.#ends.delete(partitionDirectory(name, index))
    }
  }

  /** Calls everything off and waits for it, then lets the threads go. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#callOff([...this.#running.keys()])
    await this.end()
  }

  /** Ends everything at once, as where an owner has died and nobody would answer. */
  async end(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#options.runner.close()
  }

  async #callOff(slots: readonly PartitionSlot[]): Promise<void> {
    const gone = slots.flatMap((slot) => this.#running.get(slot) ?? [])
    for (const running of gone) running.isCalledOff = true
    this.#pacer.release()
    await Promise.all(gone.map(({ done }) => done))
  }

  #settings(): CleanerSettings {
    return cleanerSettings(this.#options.configOf)
  }

  async #resume(): Promise<void> {
    const { checkpointDisk, registry, owners } = this.#options
    if (checkpointDisk === undefined) return
    const found = readCleanerCheckpoint(checkpointDisk)
    const byOwner = owners.map((): { slot: PartitionSlot; cleanedEnd: Offset }[] => [])
    for (const { name, partitions, settings } of registry.topics()) {
      if (settings.storage !== 'local') continue
      for (const { index, slot, owner } of partitions) {
        const folder = partitionDirectory(name, index)
        const cleanedEnd = found.get(folder)
        if (cleanedEnd === undefined) continue
        this.#ends.set(folder, cleanedEnd)
        byOwner[owner]?.push({ slot, cleanedEnd })
      }
    }
    await Promise.all(owners.map((owner, index) => owner.setCleanedEnds(byOwner[index] ?? [])))
  }

  #schedule(): void {
    if (this.#isStopped) return
    this.#timer?.cancel()
    this.#timer = this.#options.clock.startTimer(this.#settings().backoffMs, () => {
      this.#resting.clear()
      void this.#look()
    })
  }

  /** Starts cleanings while there are threads and dirty logs, then looks again after a while. */
  async #look(): Promise<void> {
    if (this.#isLooking || this.#isStopped) return
    this.#isLooking = true
    try {
      while (this.#running.size < this.#settings().threads) {
        const dirtiest = await this.#findDirtiest()
        if (dirtiest === undefined || this.#isStopped) break
        this.#begin(dirtiest)
      }
    } catch (thrown) {
      this.#options.logger.warn('the log cleaner could not look for dirty logs', { reason: messageOf(thrown) })
    }
    this.#isLooking = false
    this.#schedule()
  }

  async #findDirtiest(): Promise<Dirty | undefined> {
    const { owners, registry } = this.#options
    const except = [...this.#running.keys(), ...this.#uncleanable, ...this.#resting]
    const answers = await Promise.all(owners.map((owner) => owner.dirtiestLog(except)))
    let dirtiest: Dirty | undefined
    for (const answer of answers) {
      for (const { slot, reason } of answer.failed) this.#giveUp(slot, `partition ${slot}`, reason)
      if (answer.dirtiest === undefined || answer.dirtiest.dirtyRatio <= (dirtiest?.dirtyRatio ?? 0)) continue
      // Its topic may be on its way out, and its cleanings have been called off then.
      const partition = registry.partitionAt(answer.dirtiest.slot)
      if (partition === undefined) this.#resting.add(answer.dirtiest.slot)
      else dirtiest = { ...answer.dirtiest, partition }
    }
    return dirtiest
  }

  #begin(dirty: Dirty): void {
    const { slot } = dirty.partition
    const settled = Promise.withResolvers<void>()
    const running: Running = { isCalledOff: this.#isStopped, done: settled.promise }
    this.#running.set(slot, running)
    void this.#clean(dirty, running).then(() => {
      this.#running.delete(slot)
      settled.resolve()
      void this.#look()
    })
  }

  /** One log's cleaning, whatever comes of it. */
  async #clean({ partition, plan }: Dirty, running: Running): Promise<void> {
    const { runner, disks, clock } = this.#options
    const { slot, settings } = partition
    const owner = this.#options.owners[partition.owner]
    const disk = settings.storage === 'ring' ? undefined : disks[settings.storage]
    if (owner === undefined || disk === undefined) return
    const control: CleaningControl = {
      goOn: async (movedBytes) => {
        if (running.isCalledOff) return false
        await this.#pacer.pass(movedBytes, this.#settings().bytesPerSecondMax)
        return !running.isCalledOff
      },
      replace: (cleaned) => owner.replaceSegments(slot, cleaned),
    }
    const { keyBytesMax, keyLoadFactor, chunkBytes } = this.#settings()
    const job = { disk, plan, nowMs: clock.nowMs(), keyBytesMax, keyLoadFactor, chunkBytes }
    try {
      const report = await runner.run(job, control)
      const cleanedEnd = this.#judge(slot, plan, report)
      if (cleanedEnd === undefined) return
      await owner.setCleanedEnds([{ slot, cleanedEnd }])
      if (settings.storage === 'local' && !running.isCalledOff) this.#keepEnd(plan.directory, cleanedEnd)
    } catch (thrown) {
      if (running.isCalledOff) return
      this.#giveUp(slot, plan.directory, messageOf(thrown))
    }
  }

  /** Where a cleaning ended; undefined where it was cut short, which may be of no importance. */
  #judge(slot: PartitionSlot, plan: CleaningPlan, report: CleaningReport): Offset | undefined {
    if ('outcome' in report) {
      const { outcome } = report
      if (outcome.isFinished) {
        this.#tell(plan.directory, outcome)
        return outcome.cleanedEnd
      }
      this.#resting.add(slot)
      return undefined
    }
    const { code, reason } = report.failure
    // Segments go by retention and DeleteRecords at any time, and a full memory disk has room again later.
    if (code === 'ENOENT' || code === 'ENOSPC') this.#resting.add(slot)
    else this.#giveUp(slot, plan.directory, reason)
    return undefined
  }

  #keepEnd(folder: string, cleanedEnd: Offset): void {
    this.#ends.set(folder, cleanedEnd)
    if (this.#options.checkpointDisk !== undefined) writeCleanerCheckpoint(this.#options.checkpointDisk, this.#ends)
  }

  #giveUp(slot: PartitionSlot, log: string, reason: string): void {
    this.#uncleanable.add(slot)
    this.#options.logger.error('a log could not be compacted, and is left as it is', { log, reason })
  }

  #tell(log: string, { bytesRead, bytesWritten, recordsRead, recordsKept, areAllKeysNoted }: CleaningOutcome): void {
    const fields = { log, bytesRead, bytesWritten, recordsRead, recordsKept }
    this.#options.logger.info('compacted a log', fields)
    if (!areAllKeysNoted) {
      const words = 'not all keys fitted the memory for them at once: log.cleaner.dedupe.buffer.size may be too small'
      this.#options.logger.warn(words, { log })
    }
  }
}
