/** Slot numbers: Int32 counters that wrap, compared by their difference. */

/** How far slot number `to` lies after `from`: negative where it lies before. Both may have wrapped past 2^31. */
export function slotDistance(from: number, to: number): number {
  return (to - from) | 0
}

/** The slot number `count` after `slot`. */
export function slotAfter(slot: number, count = 1): number {
  return (slot + count) | 0
}

/** `append` found no room: ask again once the owner has retired something. */
export const RING_FULL = 2 ** 32
/** `append` came after the seal: look the partition's ring up again. */
export const RING_SEALED = 2 ** 32 + 1
/** The entry is longer than `entryBytesMax`: it needs a larger ring. */
export const ENTRY_TOO_LARGE = 2 ** 32 + 2

/** Whether what `append` or `claim` answered is a slot number, not one of the three refusals. */
export function isSlot(answer: number): boolean {
  return answer < RING_FULL
}
