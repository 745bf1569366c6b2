/** What a handler decides: records for the journal, the topics they change, and the answer once all of that is done. */

import type { MetadataRecord } from './records.ts'

/** One decided request. No records: nothing changes, and the answer stands. */
export type Decision<Response> = {
  readonly records: readonly MetadataRecord[]
  /** Names of the topics that the records change; 'all' where a broker config may change every one. */
  readonly touched: readonly string[] | 'all'
  readonly response: Response
}

/** A decision that changes nothing. */
export function unchanged<Response>(response: Response): Decision<Response> {
  return { records: [], touched: [], response }
}

/** Names that appear more than once. */
export function duplicatesOf(names: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const name of names) {
    if (seen.has(name)) twice.add(name)
    seen.add(name)
  }
  return twice
}
