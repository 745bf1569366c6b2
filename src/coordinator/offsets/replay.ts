/** Applies offset records: the only place where committed offsets change. */

import type { OffsetRecord } from './records.ts'
import { type GroupOffsets, setCommittedOffset } from './state.ts'

/** The offset is as the record says from here on. */
export function replayOffset(offsets: GroupOffsets, record: OffsetRecord): void {
  setCommittedOffset(offsets, record, record.committed)
}
