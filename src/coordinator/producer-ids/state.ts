/** Which producer ids are free: blocks are reserved in the journal before an id of them is given away. */

/** Ids of one reservation; as many as Kafka takes. */
export const blockSize = 1_000
/** With so few left the next block is asked for, so that nobody has to wait for it. */
export const refillBelow = blockSize / 10

export type ProducerIdState = {
  /** The first id that no reservation covers. Changes in replay only. */
  reservedEnd: number
  /** Ids that may be given away: reserved by this broker since its start, and durably so. Soft: lost at restart. */
  freeStart: number
  freeEnd: number
}

export function newProducerIdState(): ProducerIdState {
  return { reservedEnd: 0, freeStart: 0, freeEnd: 0 }
}

/** Applies a reservation, whoever made it. */
export function replayReserved(state: ProducerIdState, { nextProducerId }: { readonly nextProducerId: number }): void {
  state.reservedEnd = Math.max(state.reservedEnd, nextProducerId)
}

/** An id that was never given away, or undefined where the block is used up. */
export function takeProducerId(state: ProducerIdState): number | undefined {
  if (!hasFreeId(state)) return undefined
  const producerId = state.freeStart
  state.freeStart += 1
  return producerId
}

export function hasFreeId(state: ProducerIdState): boolean {
  return state.freeStart < state.freeEnd
}
