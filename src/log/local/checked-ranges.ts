/** Remembers which parts of a segment were compared with their checksums, so that each reader does that once. */

/** A part of a file; the end is exclusive. */
export type ByteRange = { readonly start: number; readonly end: number }

/** Readers at many places of one segment make many ranges; beyond these, one is forgotten and checked again. */
export const rangesMax = 64

const nowhere: ByteRange = { start: 0, end: 0 }

export class CheckedRanges {
  #ranges: ByteRange[] = []

  /** A checked range that overlaps a part of the file, or touches its start; an empty one where there is none. */
  around({ start, end }: ByteRange): ByteRange {
    return this.#ranges.find((range) => range.start < end && range.end >= start) ?? nowhere
  }

  /** Notes a checked range; those that overlap or touch it become one with it. */
  add(added: ByteRange): void {
    let { start, end } = added
    const apart: ByteRange[] = []
    for (const range of this.#ranges) {
      if (range.start > end || range.end < start) apart.push(range)
      else {
        start = Math.min(start, range.start)
        end = Math.max(end, range.end)
      }
    }
    if (apart.length === rangesMax) apart.shift()
    apart.push({ start, end })
    this.#ranges = apart
  }
}
