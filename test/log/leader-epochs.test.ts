/** Leader epochs in Kafka's checkpoint file: noted where they begin, and told where they ended. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readWhole } from '../../src/log/disk.ts'
import { beginEpoch, endOfEpoch, epochsText, readEpochs, readEpochsAsync } from '../../src/log/local/leader-epochs.ts'
import { MemoryDisk } from '../../src/log/memory-disk.ts'

const path = 'orders-0/leader-epoch-checkpoint'

function diskWith(text?: string): MemoryDisk {
  const disk = new MemoryDisk(MemoryDisk.create(1024 * 1024))
  disk.makeDirectory('orders-0')
  if (text !== undefined) disk.open(path, 'write').writev([Buffer.from(text)], 0)
  return disk
}

test('the file is what Kafka writes', () => {
  const disk = diskWith()
  beginEpoch(disk, 'orders-0', { epoch: 0, startOffset: 0 })
  beginEpoch(disk, 'orders-0', { epoch: 3, startOffset: 17 })
  assert.is(readWhole(disk, path)?.toString(), '0\n2\n0 0\n3 17\n')
})

test('an epoch that is known begins no second time', async () => {
  const disk = diskWith('0\n2\n0 0\n3 17\n')
  beginEpoch(disk, 'orders-0', { epoch: 3, startOffset: 40 })
  assert.equal(await readEpochsAsync(disk, 'orders-0'), [
    { epoch: 0, startOffset: 0 },
    { epoch: 3, startOffset: 17 },
  ])
})

test('an epoch without records gives way to the next one', () => {
  const disk = diskWith('0\n3\n0 0\n2 17\n4 40\n')
  beginEpoch(disk, 'orders-0', { epoch: 5, startOffset: 40 })
  assert.is(readWhole(disk, path)?.toString(), '0\n3\n0 0\n2 17\n5 40\n')
})

test('epochs whose records were all cut off are forgotten', () => {
  const disk = diskWith('0\n3\n0 0\n2 17\n4 40\n')
  beginEpoch(disk, 'orders-0', { epoch: 4, startOffset: 20 })
  assert.is(readWhole(disk, path)?.toString(), '0\n3\n0 0\n2 17\n4 20\n')
})

test('a damaged file counts as none', () => {
  for (const text of ['', 'x', '1\n1\n0 0\n', '0\n1\n0 x\n', '0\n-1\n']) {
    assert.equal(readEpochs(diskWith(text), 'orders-0'), [], text)
  }
  assert.is(epochsText([]), '0\n0\n')
})

test('an epoch ended where the next one that has records began', () => {
  const epochs = [
    { epoch: 1, startOffset: 5 },
    { epoch: 3, startOffset: 17 },
    { epoch: 4, startOffset: 40 },
  ]
  assert.equal(endOfEpoch(epochs, 1), { epoch: 1, endOffset: 17 })
  assert.equal(endOfEpoch(epochs, 2), { epoch: 1, endOffset: 17 }, 'one without records: that before it')
  assert.equal(endOfEpoch(epochs, 0), { epoch: 0, endOffset: 5 }, 'before all that is kept')
  assert.is(endOfEpoch(epochs, 4), undefined, 'the last one has no end yet')
  assert.is(endOfEpoch(epochs, -1), undefined)
  assert.is(endOfEpoch([], 0), undefined)
})

test.run()
