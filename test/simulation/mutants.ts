/** Defects to be planted into the sources, one at a time: each must be caught, or the simulation proves nothing. */

/** A defect; `text` must be found in `file` exactly once. `tool`: what has to catch it. */
export type Mutant = {
  readonly name: string
  readonly file: string
  readonly text: string
  readonly replacement: string
  readonly tool: 'simulation' | 'test/stress/ring.test.ts'
}

function mutant(name: string, file: string, text: string, replacement = ''): Mutant {
  return { name, file: `src/${file}`, text, replacement, tool: 'simulation' }
}

/** Where batches go in and come to light. */
const partitionMutants: readonly Mutant[] = [
  mutant(
    'answered before it is readable',
    'front/pending.ts',
    'if (slotDistance(ringSlot, ring.readable()) <= 0) break',
    'if (slotDistance(ringSlot, ring.stamped()) <= 0) break',
  ),
  mutant(
    'revealed before it is written',
    'log/local/log.ts',
    'if (!this.#segments.withRoom(() => active.write(run))) {',
    'if (!this.#segments.withRoom(() => undefined)) {',
  ),
  mutant(
    'readable before it is synced',
    'partition/reveal.ts',
    "const isSyncAwaited = partition.settings.sync === 'every' && partition.settings.storage !== 'ring'",
    'const isSyncAwaited = false',
  ),
  mutant(
    'the checksum is not compared at the door',
    'front/partitions.ts',
    'this.#writer, EntryKind.data, isCrcRight)',
    'this.#writer, EntryKind.data, () => true)',
  ),
  mutant(
    'stamped before it is published',
    'partition/stamp.ts',
    'while (ring.isPublished(slot)) {',
    'while (slot !== ring.claimed()) {',
  ),
  mutant('retired before it is answered', 'partition/retire.ts', 'if (!ring.isAnswered(end)) break\n'),
  mutant('a ring is not sealed', 'ring/claim.ts', 'Atomics.or(this.#longs, headerLong.claim, sealedBit)\n'),
  mutant("a writer's bell is not rung", 'partition/wakes.ts', 'this.#bells[writer]?.ring()\n'),
  mutant(
    'sequences are not looked at',
    'partition/producer-state.ts',
    'return batch.firstSequence === nextSequence(last) ? ErrorCode.NONE : ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER',
    'return last < -1 ? ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER : ErrorCode.NONE',
  ),
  mutant(
    'a batch that comes again is not recognised',
    'partition/producer-state.ts',
    'if (batch.epoch === entry.epoch && this.#findKnown(entry, batch)) return ErrorCode.DUPLICATE_SEQUENCE_NUMBER\n',
  ),
]

/** What is on the disk, and what is made of it at start. */
const logMutants: readonly Mutant[] = [
  mutant('a short write is believed', 'log/disk.ts', 'while (written < totalBytes) {', 'while (written < 0) {'),
  mutant(
    'an index entry is off by one',
    'log/local/segment-indexes.ts',
    'this.#offsets.pending.writeInt32BE(summary.sizeBytes, entryAt + 4)',
    'this.#offsets.pending.writeInt32BE(summary.sizeBytes + 1, entryAt + 4)',
  ),
  mutant(
    'a sync that failed counts as done',
    'log/local/sync-work.ts',
    'this.#settle(undefined, error)',
    'this.#settle({ syncedEnd: error === undefined ? undefined : syncedEnd, rolledEnd: -1 }, undefined)',
  ),
  mutant(
    "new segments' names are not synced",
    'log/local/log.ts',
    'more.push({ syncAsync: () => disk.syncDirectoryAsync(directory) })\n',
  ),
  mutant(
    'recovery compares no checksums',
    'log/local/scan.ts',
    "if (isChecked && !isCrcRight(bytes, at)) return 'fails its checksum'\n",
  ),
  mutant(
    'an unclean end is taken for a clean one',
    'log/local/recovery.ts',
    "closed?.baseOffset === lastBase && closed.summary.sizeBytes === sizeOf(folder, lastBase, 'log')",
    'closed?.baseOffset === lastBase',
  ),
  mutant(
    'segments that were not synced are trusted',
    'log/local/recovery.ts',
    'segments.filter(({ endOffset }) => endOffset <= recoveryPoint)',
    'segments.filter(({ endOffset }) => endOffset <= recoveryPoint || true)',
  ),
  mutant(
    'where the log starts is forgotten',
    'log/local/log.ts',
    'this.#deletedEnd = Math.min(checkpoint.startOffset, this.#endOffset)',
    'this.#deletedEnd = 0',
  ),
  mutant('producer snapshots are ignored', 'partition/open-partition.ts', 'books.producers.restore(facts)\n'),
  mutant(
    "only a producer's newest batch outlives a restart",
    'partition/producer-state.ts',
    'for (let age = entry.count - 1; age > 0; age--) {',
    'for (let age = 0; age > 0; age--) {',
  ),
  mutant(
    'batches are replayed twice',
    'partition/open-partition.ts',
    'books.producers.append(batch, nowMs)\n',
    'books.producers.append(batch, nowMs)\n  books.producers.append(batch, nowMs)\n',
  ),
]

/** Transactions, from the coordinator to their readers. */
const transactionMutants: readonly Mutant[] = [
  mutant(
    'the last stable offset is the high watermark',
    'partition/reveal.ts',
    'const stableOffset = partition.transactions.lastStableOffset(partition.highWatermark)',
    'const stableOffset = partition.highWatermark',
  ),
  mutant(
    'read_committed reads what is undecided',
    'api/01-fetch.ts',
    'return this.#isCommittedOnly ? partitions.lastStableOffset(slot) : partitions.highWatermark(slot)',
    'return partitions.highWatermark(slot)',
  ),
  mutant('aborted transactions are not noted', 'log/local/log.ts', 'active.indexes.abort(next)\n'),
  mutant(
    'the end of a transaction is not written',
    'broker/transaction-marks.ts',
    'this.#publish(topic, partition, { bytes, kind: EntryKind.marker, settle })',
    'queueMicrotask(() => settle(bytes.length * 0))',
  ),
  mutant(
    'open transactions are not opened again at start',
    'coordinator/transactions/coordinator.ts',
    'else this.#reopen(shard, { id, value }, oneTried)',
    'else oneTried()',
  ),
  mutant(
    'a producer that takes an id over gets no new epoch',
    'coordinator/transactions/decide.ts',
    'return changed({ ...empty, previousProducerId, producerEpoch: epochAfter(value.producerEpoch) }, lastProducerEpoch)',
    'return changed({ ...empty, previousProducerId }, lastProducerEpoch)',
  ),
  mutant(
    'the epochs of transactional producers are not compared',
    'coordinator/transactions/decide.ts',
    'if (value.producerEpoch !== producer.producerEpoch) return ErrorCode.PRODUCER_FENCED\n',
  ),
  mutant(
    'offsets of an aborted transaction count',
    'coordinator/offsets/pending.ts',
    'if (offsets === undefined || !isCommit) return []',
    'if (offsets === undefined) return []',
  ),
]

/** Groups, and the journal under all of the coordinator. */
const coordinatorMutants: readonly Mutant[] = [
  mutant(
    'an answer does not wait for what it depends on',
    'coordinator/journal-lane.ts',
    'if (sequence <= this.#settledSequence) {',
    'if (sequence <= this.#sequence) {',
  ),
  mutant(
    'commits are lost in the replay',
    'coordinator/groups/shard.ts',
    '      replayOffset(group.offsets, record)\n      group.pending.outdate(record)',
    '      group.pending.outdate(record)',
  ),
  mutant(
    'the generation of a commit is not looked at',
    'coordinator/offsets/commit.ts',
    'if (generation !== classic.generation) return ErrorCode.ILLEGAL_GENERATION\n',
  ),
]

const stressMutants: readonly Mutant[] = [
  {
    name: 'a reader does not look again whether it was overtaken',
    file: 'src/ring/read.ts',
    text: 'if (slotDistance(ring.recheckRetired(), found) < 0) continue\n',
    replacement: '',
    tool: 'test/stress/ring.test.ts',
  },
]

export const mutants: readonly Mutant[] = [
  ...partitionMutants,
  ...logMutants,
  ...transactionMutants,
  ...coordinatorMutants,
  ...stressMutants,
]

/** The source with the defect in it. Throws where the text is not there exactly once: the table is out of date then. */
export function plant(source: string, { name, file, text, replacement }: Mutant): string {
  const parts = source.split(text)
  if (parts.length !== 2) throw new Error(`${name}: its text is ${parts.length - 1} times in ${file}, not once`)
  return parts.join(replacement)
}
