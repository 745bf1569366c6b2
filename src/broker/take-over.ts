/** Makes a data folder this broker's own: marks a new one, upgrades an older one, and takes over one that Apache Kafka wrote. */

import { messageOf, SafkaError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { partitionDirectory } from '../base/topology.ts'
import { MetadataSurvey } from '../coordinator/topics/metadata-survey.ts'
import { CommittedRecords } from '../coordinator/topics/metadata-transactions.ts'
import type { Disk } from '../log/disk.ts'
import { dataFormatVersion, readDataFormat, writeDataFormat } from '../log/local/data-format.ts'
import { readEpochs } from '../log/local/leader-epochs.ts'
import { readNewestSnapshot } from '../log/local/metadata-snapshot.ts'
import { offsetCheckpoints, readOffsetCheckpoint } from '../log/local/offset-checkpoint.ts'
import { scanBatches } from '../log/local/scan.ts'
import { offsetsNamed, segmentFile } from '../log/local/segment-names.ts'
import { oldFormatSegment, takeOverLog } from '../log/local/take-over-log.ts'
import { batchIsControl, readRecords } from '../wire/record-batch.ts'

const metadataDirectory = partitionDirectory('__cluster_metadata', 0)
/** Only Apache Kafka's controller keeps this file. */
const quorumFile = `${metadataDirectory}/quorum-state`
/** A partition's folder: a topic's name and a number. */
const partitionPattern = /^.+-\d+$/

export type TakeOverOptions = {
  readonly disk: Disk
  readonly nodeId: number
  /** In hexadecimal; undefined where the folder has none. */
  readonly directoryId: string | undefined
  readonly logger: Logger
}

/**
 * Called before anything in the folder is opened. Answers whether logs have just been taken over, which are to be checked before
 * they are served. Throws SAFKA_DATA_DIRECTORY, in one sentence, where the folder is of a newer Safka, or of an Apache Kafka
 * that cannot be followed; nothing has been changed then.
 */
export function adoptFolder({ disk, nodeId, directoryId, logger }: TakeOverOptions): boolean {
  const found = readDataFormat(disk)
  if (found !== undefined && found.version > dataFormatVersion) {
    const versions = `version ${found.version}, and this Safka knows ${dataFormatVersion} and older ones`
    throw new SafkaError(
      'SAFKA_DATA_DIRECTORY',
      `the data folder was written by a newer Safka: its format is ${versions}`,
    )
  }
  const metadataEpoch = readEpochs(disk, metadataDirectory).at(-1)?.epoch ?? 0
  const isOfKafka = disk.exists(quorumFile)
  if (!disk.exists(metadataDirectory)) refuseOrphans(disk)
  if (isOfKafka && found?.metadataEpoch !== metadataEpoch) {
    takeOver({ disk, nodeId, directoryId, logger })
    writeDataFormat(disk, { version: dataFormatVersion, metadataEpoch })
    return true
  }
  if (found?.version === dataFormatVersion) return false
  if (disk.exists(metadataDirectory))
    logger.info(`the data folder is of an older Safka and was upgraded to format ${dataFormatVersion}`)
  writeDataFormat(disk, { version: dataFormatVersion, metadataEpoch })
  return false
}

/** Partitions without a metadata log have neither ids nor configs: it lies elsewhere, or the broker used ZooKeeper. */
function refuseOrphans(disk: Disk): void {
  const orphan = disk.list('').find((name) => partitionPattern.test(name) && disk.exists(`${name}/partition.metadata`))
  if (orphan === undefined) return
  throw refusal(`it holds partitions such as ${orphan}, but no ${metadataDirectory} with their topics' ids and configs`)
}

function takeOver(options: TakeOverOptions): void {
  const { disk, nodeId, directoryId, logger } = options
  const survey = surveyMetadata(disk)
  const problem = survey.problemFor({ nodeId, directoryId })
  if (problem !== undefined) throw refusal(problem)
  const topics = survey.topics()
  const directories = topics
    .flatMap(({ name, partitions }) => partitions.map((partition) => partitionDirectory(name, partition)))
    .filter((directory) => disk.exists(directory))
  for (const directory of directories) {
    const segment = oldFormatSegment(disk, directory)
    if (segment !== undefined) throw refusal(`${directory}/${segment} has records in a format from before Kafka 0.11`)
  }
  const starts = byDirectory(disk, offsetCheckpoints.logStart)
  const recoveryPoints = byDirectory(disk, offsetCheckpoints.recoveryPoint)
  for (const directory of [metadataDirectory, ...directories]) {
    const startOffset = starts.get(directory) ?? 0
    takeOverLog(disk, directory, { startOffset, recoveryPoint: recoveryPoints.get(directory) ?? 0 })
  }
  const leftOut = survey.leftOut()
  logger.info(
    `took over what Apache Kafka wrote: ${topics.length} topics with ${directories.length} partitions` +
      (leftOut.length === 0 ? '' : `; not taken over: ${leftOut.join(', ')}`),
  )
}

function byDirectory(disk: Disk, name: string): Map<string, number> {
  const offsets = readOffsetCheckpoint(disk, name)
  return new Map(offsets.map(({ topic, partition, offset }) => [partitionDirectory(topic, partition), offset]))
}

/** Reads the newest snapshot, and the log behind it as far as it is sound. */
function surveyMetadata(disk: Disk): MetadataSurvey {
  const survey = new MetadataSurvey()
  const committed = new CommittedRecords((record) => survey.take(record))
  try {
    const snapshot = readNewestSnapshot(disk, metadataDirectory)
    for (const record of snapshot?.records ?? []) committed.take(record)
    const from = snapshot?.endOffset ?? 0
    const bases = offsetsNamed(disk.list(metadataDirectory), 'log')
    if ((bases[0] ?? from) > from)
      throw new TypeError(`it begins at offset ${bases[0]}, and no snapshot reaches that far`)
    for (const baseOffset of bases) {
      const file = disk.open(`${metadataDirectory}/${segmentFile(baseOffset, 'log')}`, 'read')
      try {
        scanBatches(file, { position: 0, endOffset: baseOffset, isChecked: true }, (bytes, at) => {
          if (batchIsControl(bytes, at)) return
          for (const record of readRecords(bytes, at)) if (record.offset >= from) committed.take(record)
        })
      } finally {
        file.close()
      }
    }
  } catch (thrown) {
    throw refusal(`its metadata log cannot be read: ${messageOf(thrown)}`, thrown)
  }
  return survey
}

function refusal(why: string, cause?: unknown): SafkaError {
  const sentence = `the data folder was written by Apache Kafka and cannot be taken over: ${why}`
  return new SafkaError('SAFKA_DATA_DIRECTORY', sentence, { cause })
}
