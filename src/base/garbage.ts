/** This thread's garbage collection, which V8 offers only behind a flag. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock } from './clock.ts'

/** A context takes a millisecond to make, the flag is set for as long: two threads may meet, seldom more than once. */
const exposeAttemptsMax = 10
/** After this a start is over, and most of what it allocated is garbage that V8 would not collect while the thread idles. */
const settleMs = 1_000

type Collect = (options?: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void

let exposed: Collect | undefined

/** Collects what this thread no longer reaches: 5 to 10 ms. Where V8 refuses, its own next collection does. */
export function collectGarbage(): void {
  exposed ??= exposeCollect()
  exposed?.()
}

/** A second from now, gives back all that this thread's start needed and its work does not: 3 to 4 MB a thread. */
export function settleAfterStart(clock: Clock): void {
  clock.startTimer(settleMs, () => {
    exposed ??= exposeCollect()
    exposed?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  })
}

/**
 * Contexts that are made while the flag is set get the function. The flag is all threads' at once: another one may take it
 * back in between, and then the context has none.
 */
function exposeCollect(): Collect | undefined {
  for (let attempt = 0; attempt < exposeAttemptsMax; attempt++) {
    setFlagsFromString('--expose-gc')
    const found: unknown = runInNewContext('globalThis.gc')
    setFlagsFromString('--no-expose-gc')
    if (typeof found === 'function') return (options) => found(options)
  }
  return undefined
}
