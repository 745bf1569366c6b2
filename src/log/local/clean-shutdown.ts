/** Kafka's mark at a disk's root that says the broker was stopped in order. */

import { type Disk, replaceWhole } from '../disk.ts'
import { doomedEnding } from './rolled-segment.ts'

const markName = '.kafka_cleanshutdown'

/**
 * Called when every engine has been closed. Safka's own engines know by themselves, each by its checkpoint, whether they ended
 * cleanly; the mark is for the operator's log line, and for a Kafka that takes the folder over.
 */
export function writeCleanShutdown(disk: Disk): void {
  replaceWhole(disk, markName, Buffer.from('{"version":0,"brokerEpoch":-1}'), disk.isDurable)
}

/**
 * Called at start, before any engine is opened: whether the last stop was clean. The mark is gone afterwards, and so are folders
 * whose removal was cut short.
 */
export function consumeCleanShutdown(disk: Disk): boolean {
  for (const name of disk.list('')) if (name.endsWith(doomedEnding)) disk.removeAsync(name).catch(() => undefined)
  if (!disk.exists(markName)) return false
  disk.remove(markName)
  if (disk.isDurable) disk.syncDirectory('')
  return true
}
