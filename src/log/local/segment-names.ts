/** The names of a partition's files, as Kafka has them. */

import type { Offset } from '../../base/ids.ts'

/** What a file of a segment holds. */
export type SegmentFileKind = 'log' | 'index' | 'timeindex' | 'txnindex' | 'snapshot'

/** The files that a segment has, or may have, beside its log. */
export const indexKinds = ['index', 'timeindex', 'txnindex'] as const

/** '00000000000000000042.log': the base offset in 20 digits. A snapshot is named for the offset that it stands before. */
export function segmentFile(offset: Offset, kind: SegmentFileKind): string {
  return `${String(offset).padStart(20, '0')}.${kind}`
}

/** The offsets in the names of one kind of file, in order. */
export function offsetsNamed(names: readonly string[], kind: SegmentFileKind): Offset[] {
  const offsets: Offset[] = []
  for (const name of names) {
    const digits = name.slice(0, 20)
    if (name.length === 21 + kind.length && name.endsWith(`.${kind}`) && /^\d{20}$/.test(digits))
      offsets.push(Number(digits))
  }
  return offsets.sort((first, second) => first - second)
}
