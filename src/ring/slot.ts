/** What a slot says of its entry: kinds and verdicts. */

/** What an entry is. `open` and `marker` are kept for transactions. */
export const EntryKind = { data: 0, padding: 1, open: 2, marker: 3 } as const
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind]

/** What the owner decided on an entry. A duplicate's `baseOffset` is the original's; it takes no offsets itself. */
export const Verdict = { pending: 0, accepted: 1, refused: 2, duplicate: 3 } as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

/** Writers are 0 to this: they are bits of an interest mask. */
export const writerMax = 31

/** A slot's tag word. `skew` is how many bytes after its room's start the entry lies. */
export function packTag(kind: EntryKind, skew: number, writer: number): number {
  return kind | (skew << 8) | (writer << 16)
}

export function tagKind(tag: number): EntryKind {
  switch (tag & 0xff) {
    case EntryKind.padding:
      return EntryKind.padding
    case EntryKind.open:
      return EntryKind.open
    case EntryKind.marker:
      return EntryKind.marker
    default:
      return EntryKind.data
  }
}

export function tagSkew(tag: number): number {
  return (tag >>> 8) & 7
}

/** The bit of a tag that says: the claimer has compared the entry's checksum. */
export const tagChecked = 1 << 11

export function tagWriter(tag: number): number {
  return (tag >>> 16) & 0xff
}

export function verdictOf(word: number): Verdict {
  switch (word) {
    case Verdict.accepted:
      return Verdict.accepted
    case Verdict.refused:
      return Verdict.refused
    case Verdict.duplicate:
      return Verdict.duplicate
    default:
      return Verdict.pending
  }
}
