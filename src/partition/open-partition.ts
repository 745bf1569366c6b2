/** Opens one partition: recovers its log and rebuilds what it knows of its producers. */

import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Offset } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { nothingRecovered, type OpenPartition, partitionDirectory, type Recovery } from '../base/topology.ts'
import type { Disk } from '../log/disk.ts'
import type { AbortedTransaction, Engine, ProducerSnapshot } from '../log/engine.ts'
import { removeFolder } from '../log/local/rolled-segment.ts'
import type { openEngine } from '../log/open-engine.ts'
import { UnopenedEngine } from '../log/unopened.ts'
import {
  batchBaseOffset,
  batchBaseSequence,
  batchIsControl,
  batchIsTransactional,
  batchLastOffsetDelta,
  batchMaxTimestamp,
  batchProducerEpoch,
  batchProducerId,
} from '../wire/record-batch.ts'
import { readMarker } from '../wire/transaction-marker.ts'
import { endTransaction } from './aborted.ts'
import { Partition } from './partition.ts'
import { ProducerStates, wrapSequence } from './producer-state.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts'
import { Transactions } from './transactions.ts'

/** What recovery fills. */
type Books = { readonly producers: ProducerStates; readonly transactions: Transactions }

/** What opening a partition takes. `disk` may throw where the storage has no place. */
export type PartitionOpening = {
  readonly open: OpenPartition
  readonly openEngine: typeof openEngine
  readonly disk: () => Disk | undefined
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Called when the engine got further by itself. */
  readonly onProgress: () => void
  /** Batches from here on were refused, and are cut off. */
  readonly endOffsetMax?: Offset
}

/** Opens a partition. One whose storage cannot be opened is answered too, in state `failed`. */
export function openPartition(opening: PartitionOpening): { partition: Partition; recovery: Recovery } {
  const { open, logger } = opening
  try {
    return openOnline(opening)
  } catch (thrown) {
    const fields = { topic: open.topic, partition: open.partition, reason: messageOf(thrown) }
    logger.error('the storage of a partition cannot be opened', fields)
    const engine = new UnopenedEngine(() => removeUnopened(opening))
    const partition = new Partition(open, engine, new ProducerStates())
    partition.state = 'failed'
    partition.hadFolder = hasFolder(opening)
    return { partition, recovery: nothingRecovered }
  }
}

/** Where even that cannot be told, there may be something. */
function hasFolder({ open, disk }: PartitionOpening): boolean {
  try {
    return disk()?.exists(partitionDirectory(open.topic, open.partition)) ?? false
  } catch {
    return true
  }
}

/** Opens a partition. Throws where its storage cannot be opened. */
export function openOnline(opening: PartitionOpening): { partition: Partition; recovery: Recovery } {
  const { engine, producers, transactions, snapshotOffset, recovery } = openLog(opening)
  const partition = new Partition(opening.open, engine, producers, transactions)
  partition.snapshotOffset = snapshotOffset
  return { partition, recovery }
}

/** A topic may be deleted because its storage is damaged: the files must go then too. */
function removeUnopened({ open, disk, random, logger }: PartitionOpening): void {
  try {
    const place = disk()
    if (place !== undefined) removeFolder(place, partitionDirectory(open.topic, open.partition), random.uuid())
  } catch (thrown) {
    const fields = { topic: open.topic, partition: open.partition, reason: messageOf(thrown) }
    logger.warn('a deleted partition left files behind', fields)
  }
}

/**
 * Recovers a partition's log and closes it, with a snapshot of its producers, so that opening it reads no more batches. Answers
 * with what was done. Throws where that can't be.
 */
export function recoverLog(opening: PartitionOpening): Recovery {
  const { engine, producers, snapshotOffset, recovery } = openLog(opening)
  if (engine.endOffset > snapshotOffset) {
    engine.saveProducerSnapshot(engine.endOffset, encodeSnapshot(producers.snapshotFacts()))
  }
  engine.close()
  if (engine.failure !== undefined) throw engine.failure
  return recovery
}

function openLog(opening: PartitionOpening): Books & { engine: Engine; snapshotOffset: Offset; recovery: Recovery } {
  const { open, clock } = opening
  const books = { producers: new ProducerStates(), transactions: new Transactions() }
  const disk = opening.disk()
  let snapshotOffset = 0
  const { engine, recovery } = opening.openEngine({
    storage: open.settings.storage,
    ...(disk === undefined ? {} : { disk }),
    topic: open.topic,
    partition: open.partition,
    topicId: open.topicId,
    leaderEpoch: open.leaderEpoch,
    settings: open.settings,
    clock,
    random: opening.random,
    visitSnapshot: (snapshot) => {
      const isRestored = restoreSnapshot(books, snapshot, opening)
      if (isRestored) snapshotOffset = snapshot.offset
      return isRestored
    },
    visitBatch: (bytes, at) => visitRecovered(books, bytes, at, clock.nowMs()),
    onProgress: opening.onProgress,
    ...(opening.endOffsetMax === undefined ? {} : { endOffsetMax: opening.endOffsetMax }),
  })
  return { ...books, engine, snapshotOffset, recovery }
}

/** Takes over a snapshot; false where it is damaged. What it would have told is found in an older one, or in the batches. */
function restoreSnapshot(books: Books, snapshot: ProducerSnapshot, opening: PartitionOpening): boolean {
  try {
    const facts = decodeSnapshot(snapshot.bytes)
    books.producers.restore(facts)
    const open = facts.filter(({ transactionStart }) => transactionStart >= 0)
    open.sort((first, second) => first.transactionStart - second.transactionStart)
    for (const { producerId, transactionStart } of open) books.transactions.wrote(producerId, transactionStart)
    return true
  } catch (thrown) {
    const { topic, partition } = opening.open
    opening.logger.warn('a producer snapshot is damaged', { topic, partition, reason: messageOf(thrown) })
    return false
  }
}

/**
 * Remembers the producer of a batch found in the log; answers the transaction that it shows to be aborted. It counts as seen
 * now, since when it wrote is not known for sure.
 */
function visitRecovered(books: Books, bytes: Buffer, at: number, nowMs: number): AbortedTransaction | undefined {
  const producerId = batchProducerId(bytes, at)
  if (producerId < 0) return undefined
  const baseOffset = batchBaseOffset(bytes, at)
  if (batchIsControl(bytes, at)) {
    const marker = readMarker(bytes, at)
    return marker === undefined ? undefined : endTransaction(books, marker, baseOffset, nowMs)
  }
  const firstSequence = batchBaseSequence(bytes, at)
  const offsetDelta = batchLastOffsetDelta(bytes, at)
  const batch = {
    producerId,
    epoch: batchProducerEpoch(bytes, at),
    firstSequence,
    lastSequence: wrapSequence(firstSequence + offsetDelta),
    baseOffset,
    lastOffset: baseOffset + offsetDelta,
    timestampMs: batchMaxTimestamp(bytes, at),
    isTransactional: batchIsTransactional(bytes, at),
  }
  books.producers.append(batch, nowMs)
  if (batch.isTransactional) books.transactions.wrote(producerId, baseOffset)
  return undefined
}
