/** Ends transactions in a partition's books, and says of aborted ones what readers must know to leave out their data. */

import type { Offset } from '../base/ids.ts'
import type { AbortedTransaction } from '../log/engine.ts'
import type { TransactionMarker } from '../wire/transaction-marker.ts'
import type { ProducerStates } from './producer-state.ts'
import type { Transactions } from './transactions.ts'

/** Notes a marker at `offset`; answers the transaction where it was aborted and had data. */
export function endTransaction(
  books: { readonly producers: ProducerStates; readonly transactions: Transactions },
  marker: TransactionMarker,
  offset: Offset,
  nowMs: number,
): AbortedTransaction | undefined {
  const { producerId } = marker
  books.producers.end(marker, nowMs)
  const firstOffset = books.transactions.end(producerId, offset)
  if (firstOffset === undefined || marker.isCommit) return undefined
  const lastStableOffset = books.transactions.firstOngoing() ?? offset + 1
  return { producerId, firstOffset, lastOffset: offset, lastStableOffset }
}
