/** Makes the disk of this very thread full, as its programs see it: for brokers that run collapsed in a test's process. */

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

type Call = (...values: never[]) => unknown

/** The calls of the real disk that take room. */
const calls = ['writeSync', 'writevSync', 'mkdirSync'] as const

/** From now on nothing more can be written to files, until `free` is called; what is there can be read. */
export function fillDisk(): { free(): void } {
  const originals = calls.map((name): [(typeof calls)[number], Call] => [name, fs[name] as Call])
  const full = (): never => {
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  }
  for (const [name] of originals) Object.assign(fs, { [name]: full })
  syncBuiltinESMExports()
  return {
    free() {
      for (const [name, original] of originals) Object.assign(fs, { [name]: original })
      syncBuiltinESMExports()
    },
  }
}
