/** Apache Kafka's snapshots of its metadata log: files `<end offset>-<epoch>.checkpoint` that stand for all of the log before. */

import { SafkaError } from '../../base/errors.ts'
import type { Offset } from '../../base/ids.ts'
import { type BatchRecord, batchIsControl, eachBatch, isCrcRight, readRecords } from '../../wire/record-batch.ts'
import { type Disk, readWhole } from '../disk.ts'

/** What a snapshot says. */
export type MetadataSnapshot = {
  /** Records below this offset of the log are covered. */
  readonly endOffset: Offset
  readonly records: readonly Pick<BatchRecord, 'key' | 'value'>[]
}

/** Offset in 20 digits, epoch in 10. */
const namePattern = /^(\d{20})-(\d{10})\.checkpoint$/

/** The newest snapshot in a folder; undefined where there is none. Throws SAFKA_LOG_CORRUPT on a damaged one. */
export function readNewestSnapshot(disk: Disk, directory: string): MetadataSnapshot | undefined {
  const name = disk
    .list(directory)
    .filter((candidate) => namePattern.test(candidate))
    .toSorted()
    .at(-1)
  if (name === undefined) return undefined
  const bytes = readWhole(disk, `${directory}/${name}`) ?? Buffer.alloc(0)
  const records: MetadataSnapshot['records'][number][] = []
  try {
    const end = eachBatch(bytes, (at) => {
      if (!isCrcRight(bytes, at)) throw new TypeError('a batch fails its checksum')
      if (!batchIsControl(bytes, at)) records.push(...readRecords(bytes, at))
    })
    if (end !== bytes.length) throw new TypeError('it is cut off')
  } catch (thrown) {
    const path = `${directory}/${name}`
    throw new SafkaError('SAFKA_LOG_CORRUPT', `${path}: the snapshot of the metadata log is damaged`, { cause: thrown })
  }
  return { endOffset: Number(name.slice(0, 20)), records }
}
