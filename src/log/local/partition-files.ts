/** The small files that Kafka keeps in a partition's folder: whose it is, and where its leader epochs begin. */

import { noTopicId, type TopicIdHex, topicIdText } from '../../base/ids.ts'
import { type Disk, readWhole, writeAll } from '../disk.ts'

const metadataName = 'partition.metadata'
const epochsName = 'leader-epoch-checkpoint'

/** Writes both as Kafka does for a new partition. With one host there is one leader epoch, 0, from offset 0 on. */
export function writePartitionFiles(disk: Disk, directory: string, topicId: TopicIdHex): void {
  if (topicId !== noTopicId) {
    writeNew(disk, `${directory}/${metadataName}`, `version: 0\ntopic_id: ${topicIdText(topicId)}`)
  }
  writeNew(disk, `${directory}/${epochsName}`, '0\n1\n0 0\n')
}

/** Whether a folder belongs to another topic than this one: what is left of a topic that had the same name. */
export function belongsToAnother(disk: Disk, directory: string, topicId: TopicIdHex): boolean {
  const text = readWhole(disk, `${directory}/${metadataName}`)?.toString() ?? ''
  const found = /^topic_id: (\S+)/m.exec(text)?.[1]
  return found !== undefined && topicId !== noTopicId && found !== topicIdText(topicId)
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
