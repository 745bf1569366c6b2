/** What the data folder says of the Safka that it was written by: the version of its format, and how far it knows Apache Kafka. */

import { SafkaError } from '../../base/errors.ts'
import { type Disk, readWhole, replaceWhole } from '../disk.ts'

/** Beside Kafka's files, which stay as Kafka has them; Kafka does not look at it. */
const fileName = 'safka-format'

/**
 * The format that this code writes. 1, without a file that says so, had leader epoch 0 everywhere, and none of Kafka's offset
 * checkpoints at the root; 2 has both.
 */
export const dataFormatVersion = 2

export type DataFormat = {
  readonly version: number
  /** The leader epoch of the metadata log that was last seen: a later one means that Apache Kafka has run in the folder since. */
  readonly metadataEpoch: number
}

/** What the folder says; undefined where no Safka has marked it. Throws SAFKA_DATA_DIRECTORY where it cannot be read. */
export function readDataFormat(disk: Disk): DataFormat | undefined {
  const text = readWhole(disk, fileName)?.toString()
  if (text === undefined) return undefined
  const numbers = new Map(text.split('\n').map((line) => [line.split('=')[0], Number(line.split('=')[1])]))
  const version = numbers.get('version') ?? Number.NaN
  const metadataEpoch = numbers.get('metadata.epoch') ?? Number.NaN
  if (Number.isInteger(version) && Number.isInteger(metadataEpoch)) return { version, metadataEpoch }
  throw new SafkaError(
    'SAFKA_DATA_DIRECTORY',
    `the data folder's file ${fileName} makes no sense: it must name a version`,
  )
}

/** Marks the folder, durably. */
export function writeDataFormat(disk: Disk, { version, metadataEpoch }: DataFormat): void {
  const text = `version=${version}\nmetadata.epoch=${metadataEpoch}\n`
  replaceWhole(disk, fileName, Buffer.from(text), disk.isDurable)
}
