/** Folders of partitions that no topic has: what a deletion left behind goes, and everything else is set aside. */

import type { TopicIdHex } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { partitionDirectory } from '../base/topology.ts'
import type { NewTopic } from '../coordinator/ports.ts'
import type { Disk } from '../log/disk.ts'
import { topicIdOf } from '../log/local/partition-files.ts'
import { removeFolder } from '../log/local/rolled-segment.ts'
import { offsetsNamed } from '../log/local/segment-names.ts'

/** A partition's folder: a topic's name and a number. */
const partitionPattern = /^.+-\d+$/
/** Kafka's ending of folders that it does not know what to do with. */
const strayEnding = '-stray'
/** A name may have so many bytes; topics' names are ASCII. */
const nameBytesMax = 255
/** More are counted, not named: the line is for a reader. */
const foldersNamedMax = 10

/**
 * Called at start, before partitions are opened. A folder of a topic whose deletion is in the metadata log (`removedIds`) is what a
 * crash left of it, and is removed. One of a topic that nobody knows of may be dear to someone: it only loses its name, as in
 * Kafka's LogManager.
 */
export function sortOutStrays(options: {
  readonly disk: Disk
  readonly topics: readonly NewTopic[]
  readonly removedIds: ReadonlySet<TopicIdHex>
  readonly random: Random
  readonly logger: Logger
}): void {
  const { disk, topics, removedIds, random, logger } = options
  const known = new Set([partitionDirectory('__cluster_metadata', 0)])
  for (const { name, partitionCount } of topics) {
    for (let partition = 0; partition < partitionCount; partition++) known.add(partitionDirectory(name, partition))
  }
  const setAside: string[] = []
  let removed = 0
  for (const name of disk.list('')) {
    if (!partitionPattern.test(name) || known.has(name) || !isPartition(disk, name)) continue
    const topicId = topicIdOf(disk, name)
    if (topicId !== undefined && removedIds.has(topicId)) {
      removeFolder(disk, name, random.uuid())
      removed++
    } else {
      const ending = `.${random.uuid().toString('hex')}${strayEnding}`
      disk.rename(name, `${name.slice(0, nameBytesMax - ending.length)}${ending}`)
      setAside.push(name)
    }
  }
  if (removed > 0) logger.info(`removed ${removed} folders of topics whose deletion had been cut short`)
  if (setAside.length === 0) return
  const names = setAside.slice(0, foldersNamedMax).join(', ')
  const more = setAside.length > foldersNamedMax ? ` and ${setAside.length - foldersNamedMax} more` : ''
  logger.warn(`folders of no topic were set aside, with ${strayEnding} at the end of their names: ${names}${more}`)
}

/** Anything may lie in a data folder: what has no segments and no owner is not ours. */
function isPartition(disk: Disk, name: string): boolean {
  try {
    const names = disk.list(name)
    return names.includes('partition.metadata') || offsetsNamed(names, 'log').length > 0
  } catch {
    return false
  }
}
