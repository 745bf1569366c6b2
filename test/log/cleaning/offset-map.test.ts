/** The map of keys remembers each key's latest offset, within the memory that it was given. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KeyHash } from '../../../src/log/cleaning/key-hash.ts'
import { OffsetMap, offsetMapEntryBytes } from '../../../src/log/cleaning/offset-map.ts'

function mapOf(entries: number, loadFactor = 1, keysMax = 1e6): OffsetMap {
  const hash = new KeyHash(Buffer.alloc(16, 7))
  return new OffsetMap({ hash, bytesMax: entries * offsetMapEntryBytes, loadFactor, keysMax })
}

function put(map: OffsetMap, key: string, offset: number): boolean {
  return map.put(Buffer.from(key), 0, key.length, offset)
}

function offsetOf(map: OffsetMap, key: string): number {
  return map.offsetOf(Buffer.from(key), 0, key.length)
}

test('each key has its latest offset, offset 0 as well, and others have none', () => {
  const map = mapOf(1000)
  for (let offset = 0; offset < 2000; offset++) assert.ok(put(map, `key ${offset % 500}`, offset))
  for (let key = 0; key < 500; key++) assert.is(offsetOf(map, `key ${key}`), 1500 + key)
  assert.is(offsetOf(map, 'key 500'), -1)
  assert.is(map.entries, 500)
  assert.is(map.latestOffset, 1999)
  assert.ok(put(map, '', 0))
  assert.is(offsetOf(map, ''), 0)
})

test('it is filled as far as its load factor says, then takes no key, and forgets none', () => {
  for (const [entries, loadFactor] of [
    [1000, 0.9],
    [1000, 1],
    [97, 0.5],
    [3, 1],
  ] as const) {
    const map = mapOf(entries, loadFactor)
    let taken = 0
    while (put(map, `key ${taken}`, taken)) taken++
    assert.ok(taken >= entries * loadFactor * 0.9 - 2 && taken <= entries * loadFactor, `${taken} of ${entries}`)
    assert.not.ok(put(map, 'key 0', 5000), 'a known key is taken no more either')
    for (let key = 0; key < taken; key++) assert.is(offsetOf(map, `key ${key}`), key)
    assert.is(offsetOf(map, 'absent'), -1)
  }
})

test('it takes no more memory than its keys may need', () => {
  for (const keysMax of [1, 100, 1_000, 18_000]) {
    const map = mapOf(5_000_000, 0.9, keysMax)
    let taken = 0
    while (put(map, `key ${taken}`, taken)) taken++
    assert.ok(taken >= keysMax && taken < keysMax + 400, `${taken} of ${keysMax}`)
  }
})

test.run()
