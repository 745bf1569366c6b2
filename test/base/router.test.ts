/** Which partition a record goes to. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import { murmur2, partitionOfKey, Router, routedTopicsMax } from '../../src/base/router.ts'

test('eight concurrent producers spread keyless records over partitions to within one', async () => {
  const router = new Router()
  const random = seededRandom(11)
  for (const partitionCount of [1, 3, 4, 7]) {
    const counts = new Array<number>(partitionCount).fill(0)
    const topic = `topic-${partitionCount}`
    const produce = async (): Promise<void> => {
      for (let sent = 0; sent < 1_001; sent++) {
        const partition = router.partitionFor(topic, null, partitionCount)
        counts[partition] = (counts[partition] ?? 0) + 1
        if (random.below(3) === 0) await Promise.resolve()
      }
    }
    await Promise.all(Array.from({ length: 8 }, produce))
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${partitionCount} partitions: ${counts}`)
  }
})

test('topics have counters of their own', () => {
  const router = new Router()
  const visited = ['a', 'b', 'a', 'b', 'a'].map((topic) => router.nextPartition(topic, 2))
  assert.equal(visited, [0, 0, 1, 1, 0])
})

test('a topic that grows takes its new partitions into the round', () => {
  const router = new Router()
  assert.equal([router.nextPartition('a', 2), router.nextPartition('a', 2)], [0, 1])
  assert.equal(
    [4, 4, 4].map((count) => router.nextPartition('a', count)),
    [2, 3, 0],
  )
  assert.is(router.nextPartition('a', 1), 0)
})

test('keyed records go where Kafka sends them, and do not move the round', () => {
  // Hashes from Kafka's own UtilsTest.
  assert.is(murmur2(Buffer.from('21')), -973_932_308)
  assert.is(murmur2(Buffer.from('foobar')), -790_332_482)
  assert.is(murmur2(Buffer.from('a-little-bit-long-string')), -985_981_536)
  assert.is(murmur2(Buffer.from('a-little-bit-longer-string')), -1_486_304_829)
  assert.is(murmur2(Buffer.from('lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8')), -58_897_971)
  const router = new Router()
  const key = Buffer.from('foobar')
  assert.is(router.partitionFor('a', key, 5), partitionOfKey(key, 5))
  assert.is(router.partitionFor('a', null, 5), 0)
})

test('the counters do not grow without limit', () => {
  const router = new Router()
  for (let topic = 0; topic <= routedTopicsMax; topic++) router.nextPartition(`topic-${topic}`, 2)
  assert.is(router.nextPartition('topic-0', 2), 0)
})

test.run()
