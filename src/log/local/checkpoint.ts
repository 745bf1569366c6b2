/** What a partition remembers beside its segments: its log start, what is surely on disk, and whether it ended cleanly. */

import type { Offset } from '../../base/ids.ts'
import { crc32c } from '../../wire/crc32c.ts'
import { type Disk, readWhole, replaceWhole } from '../disk.ts'
import type { SegmentSummary } from './segment-indexes.ts'

/** Kafka ignores unknown names in a partition's folder. One file a partition, so that owners never share one. */
const fileName = 'safka-checkpoint'

export type Checkpoint = {
  /** DeleteRecords moved the log start here; segments that begin later say more. */
  readonly startOffset: Offset
  /** Segments that end at or below this were synced whole, and need no scan after a crash. */
  readonly recoveryPoint: Offset
  /**
   * The last segment as it was when the partition was closed. As segments only grow, one that has the same size still is the
   * same, and needs no scan. That holds after a power cut too: file systems make a file longer only once its bytes are there.
   */
  readonly closed?: { readonly baseOffset: Offset; readonly summary: SegmentSummary }
  /** Where transaction indexes were left to whoever knows of transactions: recovery itself does not. */
  readonly abortedFrom?: Offset
}

export const noCheckpoint: Checkpoint = { startOffset: 0, recoveryPoint: 0 }

/** The checkpoint of a folder; noCheckpoint where there is none, or none that can be read: recovery then looks at everything. */
export function readCheckpoint(disk: Disk, directory: string): Checkpoint {
  const bytes = readWhole(disk, `${directory}/${fileName}`)
  if (bytes === undefined) return noCheckpoint
  try {
    const [text = '', checksum] = bytes.toString().split('\n')
    const parsed: unknown = JSON.parse(text)
    return isCheckpoint(parsed) && isWhole(parsed, text, checksum) ? parsed : noCheckpoint
  } catch {
    return noCheckpoint
  }
}

export function writeCheckpoint(disk: Disk, directory: string, checkpoint: Checkpoint, isSynced: boolean): void {
  const text = JSON.stringify({ version: 2, ...checkpoint })
  replaceWhole(disk, `${directory}/${fileName}`, Buffer.from(`${text}\n${checksumOf(text)}\n`), isSynced)
}

/** What was not synced may come back from a power cut with bits that nobody wrote, and a log start among them would lose records. */
function checksumOf(text: string): string {
  return crc32c(Buffer.from(text)).toString(16)
}

/** Folders of before there was a checksum are read as they are. */
function isWhole({ version }: { readonly version: number }, text: string, checksum: string | undefined): boolean {
  return version === 1 || checksum === checksumOf(text)
}

const summaryFields = [
  'sizeBytes',
  'endOffset',
  'firstTimestampMs',
  'maxTimestampMs',
  'maxTimestampOffset',
  'offsetEntries',
  'timeEntries',
  'lastTimeEntryMs',
  'bytesSinceEntry',
  'abortedEntries',
]

function isCheckpoint(value: unknown): value is Checkpoint & { readonly version: number } {
  if (!hasNumbers(value, ['version', 'startOffset', 'recoveryPoint']) || (value.version !== 1 && value.version !== 2))
    return false
  if (value.abortedFrom !== undefined && !isNumber(value, 'abortedFrom')) return false
  if (value.closed === undefined) return true
  return hasNumbers(value.closed, ['baseOffset']) && hasNumbers(value.closed.summary, summaryFields)
}

function hasNumbers(value: unknown, names: readonly string[]): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && names.every((name) => isNumber(value, name))
}

function isNumber(value: object, name: string): boolean {
  return name in value && typeof Object.getOwnPropertyDescriptor(value, name)?.value === 'number'
}
