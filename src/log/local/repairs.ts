/** What recovery had to do to a partition's folder, and how it says so. */

import type { Offset } from '../../base/ids.ts'
import type { Damage } from './scan-past.ts'
import { segmentFile } from './segment-names.ts'

export type Repairs = {
  /** Segments whose indexes were made again. */
  indexes: number
  /** What was cut off at the end; '' for nothing. */
  cut: string
  /** Segments behind the cut. */
  removed: number
  readonly damages: { readonly baseOffset: Offset; readonly damage: Damage }[]
}

/** More places than these are counted, not named: the line is for a reader. */
const placesNamedMax = 3

/** One part of a sentence; '' where nothing was repaired, and nothing is wrong. */
export function repairsText({ indexes, cut, removed, damages }: Repairs): string {
  const parts: string[] = []
  if (cut !== '') parts.push(cut)
  if (removed > 0) parts.push(`removed the ${removed} segments behind it`)
  if (indexes > 0) parts.push(`rebuilt the indexes of ${indexes} segments`)
  for (const { baseOffset, damage } of damages.slice(0, placesNamedMax)) {
    const { position, startOffset, endOffset, reason } = damage
    const place = `${segmentFile(baseOffset, 'log')}, byte ${position}`
    parts.push(`offsets ${startOffset} to ${endOffset - 1} cannot be read (${place}: a batch ${reason})`)
  }
  if (damages.length > placesNamedMax) parts.push(`and ${damages.length - placesNamedMax} more damaged places`)
  return parts.join(', ')
}
