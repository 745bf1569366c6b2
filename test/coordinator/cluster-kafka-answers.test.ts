/**
 * Apache Kafka 4.3.1, as one node, was asked these requests, in each of their versions; the coordinator must give the same codes and
 * sentences. Left out are what differs from cluster to cluster (times, ids, offsets, sizes of disks), and the orders of hash maps.
 */

import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { messageCodec } from '../../src/wire/generated/registry.ts'
import { Reader } from '../../src/wire/reader.ts'
import { Writer } from '../../src/wire/writer.ts'
import { makeCluster } from './cluster-fixture.ts'

type Recorded = { label: string; api: number; versions: number[]; request: unknown; answer: unknown }

const path = new URL('./cluster-kafka-answers.json', import.meta.url)
const recorded: Recorded[] = JSON.parse(readFileSync(path, 'utf8'))

/** Fields that no two clusters have in common. */
const own: ReadonlySet<string> = new Set([
  'throttleTimeMs',
  'totalBytes',
  'usableBytes',
  'leaderEpoch',
  'highWatermark',
  'logEndOffset',
  'replicaDirectoryId',
  'lastFetchTimestamp',
  'lastCaughtUpTimestamp',
  'listeners',
])

/** Kafka runs at any level of transactions; here the code has one, and says so. */
const unlike: ReadonlySet<string> = new Set([
  'features txn safe downgrade',
  'features txn downgrade to zero',
  'features txn unsafe downgrade',
])

test('requests about the cluster are answered as Kafka answers them, word for word, in every version', async () => {
  const { ask } = await makeCluster()
  for (const { label, api, versions, request, answer } of recorded) {
    if (unlike.has(label)) continue
    for (const version of versions) {
      const response = overTheWire(api, version, await ask(api, version, request))
      assert.equal(comparable(response), comparable(answer), `${label}, version ${version}`)
    }
  }
  assert.ok(recorded.length > 80, 'the transcript is all there')
})

/** The response as a client of that version reads it. */
function overTheWire(api: number, version: number, response: unknown): unknown {
  const codec = messageCodec(api)
  if (codec === undefined) throw new Error(`no codec for ${api}`)
  const writer = new Writer()
  codec.encodeResponse(writer, response, version)
  return codec.decodeResponse(new Reader(writer.finishJoined()), version)
}

function comparable(response: unknown): unknown {
  return JSON.parse(JSON.stringify(response), (key, value) => {
    if (own.has(key)) return undefined
    return key === 'results' || key === 'partitions' || key === 'configResources' ? sorted(value) : value
  })
}

function sorted(values: readonly unknown[]): unknown[] {
  const text = (value: unknown): string => JSON.stringify(value)
  return [...values].sort((left, right) => (text(left) < text(right) ? -1 : 1))
}

test.run()
