/** The list of APIs against Kafka's own schemas. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { apis, findApi, offeredApis } from '../../src/api/index.ts'
import { apiTable } from '../../src/wire/generated/api-keys.ts'

/** The greatest version on offer where that is not the greatest stable one. */
const greatest: ReadonlyMap<number, number> = new Map([[66, 1]])

test('each API is offered in all of its stable versions, once, in the order of the keys', () => {
  const keys = apis.map(({ key }) => key)
  assert.equal(
    keys,
    [...new Set(keys)].sort((one, other) => one - other),
  )
  for (const { key, versionMin, versionMax } of apis) {
    const facts = apiTable.get(key)
    assert.equal([versionMin, versionMax], [facts?.versionMin, greatest.get(key) ?? facts?.versionMax], `key ${key}`)
    assert.is(findApi(key)?.key, key)
  }
})

test('what the data path needs is answered by the front, what the coordinator decides is forwarded', () => {
  const atFront = apis.filter(({ place }) => place === 'front').map(({ key }) => key)
  assert.equal(atFront, [0, 1, 2, 3, 10, 18, 23, 60, 75])
  assert.equal(
    apis.filter(({ place }) => place === 'coordinator').map(({ key }) => key),
    [
      8, 9, 11, 12, 13, 14, 15, 16, 19, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 37, 42, 43, 44, 45,
      46, 47, 48, 49, 55, 57, 61, 65, 66, 68, 69, 71, 72, 74,
    ],
  )
})

test('ApiVersions is derived from the list', () => {
  assert.is(offeredApis.length, apis.length)
  assert.is(findApi(52), undefined)
  assert.is(findApi(-1), undefined)
})

test.run()
