/** Puts a cleaned segment into a log that goes on being written meanwhile. */

import type { PartitionSettings } from '../../base/topology.ts'
import type { Disk } from '../disk.ts'
import type { CleanedSegment, RewriteEdges } from '../engine.ts'
import { segmentFile } from '../local/segment-names.ts'
import type { Segments } from '../local/segments.ts'
import { cleanedEnding, commitSwap, discardSwap } from './swap.ts'

export type Replacing = {
  readonly home: { readonly disk: Disk; readonly directory: string }
  readonly segments: Segments
  /** How long the old files stay under other names. */
  readonly settings: Pick<PartitionSettings, 'fileDeleteDelayMs'>
  /** Whether the log has neither failed nor been closed. */
  readonly isUsable: () => boolean
  readonly edges: RewriteEdges
}

/**
 * Makes the cleaned segment count, durably. Resolves with what puts it in its place, and answers whether it did: not where the old
 * segments are gone meanwhile, or `edges` forbid it; then the cleaned segment is gone instead. Rejects with the disk's errors;
 * the log is as it was then.
 */
export async function prepareReplacing(log: Replacing, cleaned: CleanedSegment): Promise<() => boolean> {
  const { home, segments, settings, isUsable, edges } = log
  const { disk, directory } = home
  if (!isUsable() || !segments.holdsRolled(cleaned.replaced)) return () => false
  // Recovery, after an error of the disk, has thrown it away.
  if (!disk.exists(`${directory}/${segmentFile(cleaned.baseOffset, 'log')}${cleanedEnding}`)) return () => false
  try {
    commitSwap(disk, directory, cleaned.baseOffset)
    if (disk.isDurable) await disk.syncDirectoryAsync(directory)
  } catch (thrown) {
    // Left as it is, the next start would finish it, whatever has become of those segments by then.
    if (isUsable()) discardSwap(disk, directory, cleaned.baseOffset)
    throw thrown
  }
  return () => {
    // Of a log that was closed, whoever opens it next finishes the swap.
    if (!isUsable()) return false
    if (!segments.holdsRolled(cleaned.replaced) || !edges.begin()) {
      discardSwap(disk, directory, cleaned.baseOffset)
      return false
    }
    try {
      segments.replace(cleaned, settings.fileDeleteDelayMs)
    } finally {
      edges.end()
    }
    return true
  }
}
