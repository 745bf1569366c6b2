/** Kafka's `leader-epoch-checkpoint`: which leader epoch begins at which offset of a partition's log. */

import type { Offset } from '../../base/ids.ts'
import { type Disk, readWhole, replaceWhole } from '../disk.ts'

/** The offset of the first record that was written in an epoch. */
export type EpochStart = { readonly epoch: number; readonly startOffset: Offset }

const fileName = 'leader-epoch-checkpoint'
const fileVersion = 0

/** The file's text for these epochs, which are in order. */
export function epochsText(epochs: readonly EpochStart[]): string {
  const lines = epochs.map(({ epoch, startOffset }) => `${epoch} ${startOffset}\n`)
  return `${fileVersion}\n${epochs.length}\n${lines.join('')}`
}

/** The epochs of a folder in order; none where there is no such file, or a damaged one, as they only help to notice truncation. */
export function readEpochs(disk: Disk, directory: string): EpochStart[] {
  return parseEpochs(readWhole(disk, `${directory}/${fileName}`)?.toString() ?? '')
}

/** The same without blocking. */
export async function readEpochsAsync(disk: Disk, directory: string): Promise<EpochStart[]> {
  const path = `${directory}/${fileName}`
  const size = disk.sizeOf(path)
  if (size === undefined) return []
  const file = disk.open(path, 'read')
  try {
    const bytes = Buffer.allocUnsafe(size)
    return parseEpochs(bytes.toString('utf8', 0, await file.readAsync(bytes, 0)))
  } finally {
    file.close()
  }
}

function parseEpochs(text: string): EpochStart[] {
  const [version, count, ...lines] = text.split('\n')
  if (Number(version) !== fileVersion || !(Number(count) >= 0)) return []
  const epochs = lines.slice(0, Number(count)).map((line) => {
    const [epoch, startOffset] = line.split(' ')
    return { epoch: Number(epoch), startOffset: Number(startOffset) }
  })
  const isSound = epochs.every(({ epoch, startOffset }) => Number.isInteger(epoch) && Number.isInteger(startOffset))
  return isSound ? epochs : []
}

/** Notes that what is written from `startOffset` on, where the log ends, is of this epoch. Writes only where that is news. */
export function beginEpoch(disk: Disk, directory: string, begin: EpochStart): void {
  const found = readEpochs(disk, directory)
  // What was cut off by recovery has no epoch any more, and one without records gives way (LeaderEpochFileCache.assign).
  const whole = found.filter(({ startOffset }) => startOffset <= begin.startOffset)
  const isKnown = whole.at(-1)?.epoch === begin.epoch
  if (isKnown && whole.length === found.length) return
  const earlier = isKnown
    ? whole
    : whole.filter(({ epoch, startOffset }) => epoch < begin.epoch && startOffset < begin.startOffset)
  const epochs = isKnown ? earlier : [...earlier, begin]
  replaceWhole(disk, `${directory}/${fileName}`, Buffer.from(epochsText(epochs)), disk.isDurable)
}

/** Where an epoch before the last one ended, as Kafka's LeaderEpochFileCache.endOffsetFor tells it; undefined: it is not known. */
export function endOfEpoch(
  epochs: readonly EpochStart[],
  epoch: number,
): { readonly epoch: number; readonly endOffset: Offset } | undefined {
  const next = epochs.find((entry) => entry.epoch > epoch)
  if (next === undefined || epoch < 0) return undefined
  const floor = epochs.findLast((entry) => entry.epoch <= epoch)
  return { epoch: floor?.epoch ?? epoch, endOffset: next.startOffset }
}
