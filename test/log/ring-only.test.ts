/** The engine of ring topics: offsets move, nothing is stored. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { nothingRecovered } from '../../src/base/topology.ts'
import { openEngine } from '../../src/log/open-engine.ts'
import { batchAt, settingsWith, topicId } from './log-fixture.ts'

test('a batch is written at once, and the start moves only forward and never past the end', () => {
  const { engine, recovery } = openEngine({
    storage: 'ring',
    topic: 'orders',
    partition: 0,
    topicId,
    leaderEpoch: 0,
    settings: settingsWith({ storage: 'ring' }),
    clock: new VirtualClock(),
    random: seededRandom(1),
  })
  assert.is(recovery, nothingRecovered)
  engine.submit([batchAt(0, { count: 5 }), batchAt(5)])
  assert.equal(engine.poll(), { writtenEnd: 6, syncedEnd: 6 })
  assert.is(engine.endOffset, 6)
  engine.deleteRecordsBefore(4)
  engine.deleteRecordsBefore(2)
  assert.is(engine.startOffset, 4)
  engine.deleteRecordsBefore(100)
  assert.is(engine.startOffset, 6)
  assert.throws(() => engine.submit([batchAt(3)]), /go up in offset/)
})

test.run()
