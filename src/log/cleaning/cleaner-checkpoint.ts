/** Kafka's file that says where the cleaning of each log has ended, so that a restart does not begin again. */

import type { Offset } from '../../base/ids.ts'
import { type Disk, readWhole, replaceWhole } from '../disk.ts'

/** At the root of the data folder. */
const fileName = 'cleaner-offset-checkpoint'
const version = '0'

/** Offsets by partition folder; empty where there is no file, or none that can be read: cleaning then begins anew. */
export function readCleanerCheckpoint(disk: Disk): Map<string, Offset> {
  const lines = (readWhole(disk, fileName)?.toString() ?? '').split('\n')
  const ends = new Map<string, Offset>()
  if (lines[0] !== version) return ends
  for (const line of lines.slice(2)) {
    const [, topic, partition, offset] = /^(\S+) (\d+) (\d+)$/.exec(line) ?? []
    if (topic !== undefined) ends.set(`${topic}-${partition}`, Number(offset))
  }
  return ends.size === Number(lines[1]) ? ends : new Map()
}

/** Replaces the file. Not synced: one that is lost costs work, and nothing else. */
export function writeCleanerCheckpoint(disk: Disk, ends: ReadonlyMap<string, Offset>): void {
  const lines = [...ends].map(([folder, offset]) => {
    const dash = folder.lastIndexOf('-')
    return `${folder.slice(0, dash)} ${folder.slice(dash + 1)} ${offset}`
  })
  replaceWhole(disk, fileName, Buffer.from([version, ends.size, ...lines, ''].join('\n')), false)
}
