/** Reads the batches of a folder once more at start, for those who keep books of them. */

import type { Offset } from '../../base/ids.ts'
import { batchLastOffset } from '../../wire/record-batch.ts'
import { readWhole } from '../disk.ts'
import { entryRelativeOffset, floorEntry, offsetEntryBytes } from './index-entries.ts'
import { type Folder, failOnDamage } from './recovery.ts'
import { scanBatches } from './scan.ts'
import { segmentFile } from './segment-names.ts'

/** Visits every batch of a folder that reaches `fromOffset` or beyond, in order. */
export function visitBatches(
  folder: Folder,
  segments: readonly { readonly baseOffset: Offset; readonly endOffset: Offset }[],
  fromOffset: Offset,
  visit: (bytes: Buffer, at: number, sizeBytes: number) => void,
): void {
  for (const { baseOffset, endOffset } of segments) {
    if (endOffset <= fromOffset) continue
    const index = readWhole(folder.disk, `${folder.directory}/${segmentFile(baseOffset, 'index')}`) ?? Buffer.alloc(0)
    const entry = floorEntry(index, offsetEntryBytes, fromOffset - baseOffset, entryRelativeOffset)
    const position = entry < 0 ? 0 : index.readInt32BE(entry + 4)
    const file = folder.disk.open(`${folder.directory}/${segmentFile(baseOffset, 'log')}`, 'read')
    try {
      const result = scanBatches(
        file,
        { position, endOffset: baseOffset, isChecked: false },
        (bytes, at, sizeBytes) => {
          if (batchLastOffset(bytes, at) >= fromOffset) visit(bytes, at, sizeBytes)
        },
      )
      failOnDamage(folder, baseOffset, result)
    } finally {
      file.close()
    }
  }
}
