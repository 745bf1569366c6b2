/** Reads the batches of a folder once more at start, for those who keep books of them. */

import type { Offset } from '../../base/ids.ts'
import { batchLastOffset } from '../../wire/record-batch.ts'
import { readWhole } from '../disk.ts'
import { entryRelativeOffset, floorEntry, offsetEntryBytes } from './index-entries.ts'
import type { Folder } from './index-recovery.ts'
import { scanPast } from './scan-past.ts'
import { segmentFile } from './segment-names.ts'

/** Visits every batch of a folder that reaches `fromOffset` or beyond, in order; what the disk has damaged is passed over. */
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
      scanPast(file, { position, endOffset: baseOffset, isChecked: false }, endOffset, {
        visit: (bytes, at, sizeBytes) => {
          if (batchLastOffset(bytes, at) >= fromOffset) visit(bytes, at, sizeBytes)
        },
        pass: () => undefined,
      })
    } finally {
      file.close()
    }
  }
}
