/**
 * Preloaded into every thread of a broker: writes down what each sync has made safe, so that a test can take the rest away as
 * a power cut would. A line is a kind, an inode, and bytes or names, with tabs between.
 */

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const path = process.env.SAFKA_TEST_SYNC_LEDGER ?? ''
const ledger = path === '' ? -1 : fs.openSync(path, 'a')

/** What a descriptor's sync covers, as of now: what comes later is not part of it. */
function facts(descriptor: number): string {
  const stat = fs.fstatSync(descriptor)
  if (!stat.isDirectory()) return `file\t${stat.ino}\t${stat.size}\n`
  return `folder\t${stat.ino}\t${fs.readdirSync(fs.readlinkSync(`/proc/self/fd/${descriptor}`)).join('/')}\n`
}

function note(line: string): void {
  fs.writeSync(ledger, line)
}

function patch(): void {
  for (const name of ['fsync', 'fdatasync'] as const) {
    const original = fs[name]
    const patched = (descriptor: number, done: fs.NoParamCallback): void => {
      const line = facts(descriptor)
      original(descriptor, (error) => {
        if (error === null) note(line)
        done(error)
      })
    }
    Object.assign(fs, { [name]: patched })
  }
  for (const name of ['fsyncSync', 'fdatasyncSync'] as const) {
    const original = fs[name]
    const patched = (descriptor: number): void => {
      const line = facts(descriptor)
      original(descriptor)
      note(line)
    }
    Object.assign(fs, { [name]: patched })
  }
  const truncate = fs.ftruncateSync
  const patched = (descriptor: number, size: number): void => {
    truncate(descriptor, size)
    note(`cut\t${fs.fstatSync(descriptor).ino}\t${size}\n`)
  }
  Object.assign(fs, { ftruncateSync: patched })
  syncBuiltinESMExports()
}

if (ledger !== -1) patch()
