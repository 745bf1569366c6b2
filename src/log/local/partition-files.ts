/** The small files that Kafka keeps in a partition's folder: whose it is, and where its leader epochs begin. */

import { noTopicId, type TopicIdHex, topicIdText } from '../../base/ids.ts'
import { type Disk, readWhole, writeAll } from '../disk.ts'
import { syncFile } from './index-recovery.ts'
import { beginEpoch } from './leader-epochs.ts'

const metadataName = 'partition.metadata'

/** Writes both as Kafka does for a new partition. */
export function writePartitionFiles(disk: Disk, directory: string, topicId: TopicIdHex, epoch: number): void {
  if (topicId !== noTopicId) writeOwner(disk, directory, topicId)
  beginEpoch(disk, directory, { epoch, startOffset: 0 })
}

/**
 * Whose a folder is: this topic's, or what is left of another that had the same name. Where the file that says so is missing or
 * not whole, as after a power cut, nobody knows: half an id is no reason to delete records.
 */
export function ownerOf(disk: Disk, directory: string, topicId: TopicIdHex): 'this' | 'another' | 'unknown' {
  if (topicId === noTopicId) return 'this'
  const found = topicIdOf(disk, directory)
  if (found === undefined) return 'unknown'
  return found === topicId ? 'this' : 'another'
}

/** The topic that a folder says it belongs to; undefined where it does not say so whole. */
export function topicIdOf(disk: Disk, directory: string): TopicIdHex | undefined {
  const text = readWhole(disk, `${directory}/${metadataName}`)?.toString() ?? ''
  const found = /^version: 0\ntopic_id: ([\w-]{22})\n?$/.exec(text)?.[1]
  return found === undefined ? undefined : Buffer.from(found, 'base64url').toString('hex')
}

/** Says whose a folder is. */
export function writeOwner(disk: Disk, directory: string, topicId: TopicIdHex): void {
  writeNew(disk, `${directory}/${metadataName}`, `version: 0\ntopic_id: ${topicIdText(topicId)}`)
}

/**
 * Makes whose folder it is durable. Until that is done nothing in the folder counts as synced: with another topic's id, or a damaged
 * one, in the file, the folder would go at the next start.
 */
export async function syncPartitionFiles(disk: Disk, directory: string): Promise<void> {
  const path = `${directory}/${metadataName}`
  if (!disk.exists(path)) return
  const file = disk.open(path, 'write')
  try {
    await file.syncAsync()
  } finally {
    file.close()
  }
}

/** The same at once; blocks. */
export function syncPartitionFilesNow(disk: Disk, directory: string): void {
  const path = `${directory}/${metadataName}`
  if (disk.exists(path)) syncFile(disk, path)
}

function writeNew(disk: Disk, path: string, text: string): void {
  const file = disk.open(path, 'write')
  try {
    if (file.size() > 0) file.truncate(0)
    writeAll(file, [Buffer.from(text)], 0)
  } finally {
    file.close()
  }
}
