/** Asks a disk that gave errors whether it is of use again. */

import { type Disk, writeAll } from './disk.ts'

/** How names of probes begin and end: what a crash leaves of one is removed at start. */
export const probeStart = 'safka-probe-'
const probeEnding = '.tmp'

/** Enough that a disk with no room says so; little enough to cost nothing. */
const probeBytes = 64 * 1024

/**
 * Writes, syncs and reads back a small file in a folder ('' is the root). Rejects with the disk's error, or with EIO where it
 * does not give back what it was given. `name` keeps probes of one folder apart.
 */
export async function probeDisk(disk: Disk, directory: string, name: string): Promise<void> {
  const path = `${directory === '' ? '' : `${directory}/`}${probeStart}${name}${probeEnding}`
  // Not zeros: some disks keep those without taking room.
  const written = Buffer.from(
    Uint8Array.from({ length: probeBytes }, (_, place) => (place * 31 + (place >>> 8)) & 0xff),
  )
  const file = disk.open(path, 'write')
  try {
    writeAll(file, [written], 0)
    await file.syncAsync()
    const read = Buffer.alloc(probeBytes)
    if (file.read(read, 0) === probeBytes && read.equals(written)) return
    throw Object.assign(new Error('EIO: the disk does not give back what it was given'), { code: 'EIO' })
  } finally {
    file.close()
    disk.remove(path)
  }
}
