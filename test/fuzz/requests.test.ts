/**
 * Goal: no request whose bytes fit a schema, however senseless, ends a whole broker or stays without an answer. Method: for a
 * time budget, requests of every offered API and version, made from the schemas, with names and ids that are in use, repeated
 * entries and damaged bytes; each is answered or ends its connection, and the broker serves on.
 */

import type { Socket } from 'node:net'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { apis } from '../../src/api/index.ts'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { EncodeError } from '../../src/wire/errors.ts'
import { apiTable } from '../../src/wire/generated/api-keys.ts'
import { Reader } from '../../src/wire/reader.ts'
import { buildBatch } from '../../src/wire/record-batch.ts'
import { decodeResponseHeader, encodeRequestHeader } from '../../src/wire/request-header.ts'
import { Writer } from '../../src/wire/writer.ts'
import { dial } from '../broker/raw-requests.ts'
import { withClient } from '../broker/records.ts'
import { startTestBroker } from '../broker/test-broker.ts'
import { loadMessagesAt, type MessageAt, testBudgetMs, testSeed } from '../wire/message-arbitraries.ts'

/** How long an answer may take; what may rightly wait longer is given up on and its connection cut. */
const answerMs = 8_000
const patienceMs = 20
const keys = { produce: 0, fetch: 1, joinGroup: 11, syncGroup: 14 } as const
/** Requests that wait for others, or that want no answer. */
const mayWait: ReadonlySet<number> = new Set(Object.values(keys))
/** Values that mean something to a broker that has seen a few requests before. */
const knownTexts = [
  'topic',
  'other',
  'group',
  'member',
  'transaction',
  'consumer',
  'range',
  '0',
  '',
  'retention.ms',
  'é'.repeat(200),
]
const internalTexts = ['__consumer_offsets', '__transaction_state', '__cluster_metadata']
const knownNumbers = [-2, -1, 0, 1, 2, 3, 4, 8, 10, 100, 6_000, 2_147_483_647]

type Attempt = { readonly key: number; readonly version: number; readonly body: Buffer; readonly message: unknown }

const requests = new Map<string, MessageAt>()
for (const message of await loadMessagesAt()) requests.set(`${message.name}@${message.version}`, message)

/** Chance, and whether a list may still be made very long: one a message, or lists within lists would never end. */
type Twisting = { readonly random: Random; mayRepeat: boolean }

/** Puts values in use into a message, repeats entries, and keeps times short. */
function twist(value: unknown, name: string, twisting: Twisting): unknown {
  const { random } = twisting
  if (Array.isArray(value)) {
    const twisted = value.map((entry) => twist(entry, name, twisting))
    const [first] = twisted
    if (first === undefined) return twisted
    if (random.below(4) === 0) twisted.push(first)
    if (!twisting.mayRepeat || random.below(60) > 0) return twisted
    twisting.mayRepeat = false
    return new Array(2_000).fill(first)
  }
  if (Buffer.isBuffer(value)) return name === 'records' && random.below(2) === 0 ? batch(random) : value
  if (typeof value === 'string') return random.below(5) === 0 ? value : pick([...knownTexts, ...internalTexts], random)
  if (typeof value === 'number') {
    if (/(rebalanceTimeout|maxWait|^timeout)/.test(name)) return random.below(30)
    if (/sessionTimeout/.test(name)) return 6_000
    return random.below(4) === 0 ? value : pick(knownNumbers, random)
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([field, inner]) => [field, twist(inner, field, twisting)]))
}

function batch(random: Random): Buffer {
  const records = [{ key: null, value: Buffer.from('value'), timestampMs: 0 }]
  return buildBatch({ records, producerId: random.below(4) - 1, producerEpoch: random.below(3) - 1, baseSequence: 0 })
}

function pick<Value>(values: readonly Value[], random: Random): Value {
  return values[random.below(values.length)] as Value
}

/** A request of an API at a version; undefined where its schema has no place for the values. */
function makeAttempt(key: number, version: number, random: Random): Attempt | undefined {
  const message = requests.get(`${apiTable.get(key)?.name}Request@${version}`)
  if (message === undefined) return undefined
  const [plain] = fc.sample(message.arbitrary, { seed: random.below(2 ** 31), numRuns: 1 })
  const twisted = twist(plain, '', { random, mayRepeat: true }) as object
  const writer = new Writer()
  try {
    message.encode(writer, twisted, version)
  } catch (thrown) {
    // A number that its field cannot hold, or an entry that its version lacks.
    if (thrown instanceof EncodeError || thrown instanceof RangeError) return undefined
    throw thrown
  }
  const body = Buffer.from(writer.finishJoined())
  for (let damages = random.below(4) === 0 ? 1 + random.below(3) : 0; damages > 0 && body.length > 0; damages--) {
    body.writeUInt8(pick([0, 1, 0x7f, 0x80, 0xfe, 0xff], random), random.below(body.length))
  }
  return { key, version, body, message: twisted }
}

/** Sends one request; answers how it ended. */
function send(socket: Socket, { key, version, body }: Attempt, correlationId: number): Promise<string> {
  const writer = new Writer()
  encodeRequestHeader(writer, { apiKey: key, apiVersion: version, correlationId, clientId: 'fuzz' })
  const head = writer.finishJoined()
  const length = Buffer.alloc(4)
  length.writeInt32BE(head.length + body.length)
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0)
    const timer = setTimeout(() => end('nothing'), mayWait.has(key) ? patienceMs : answerMs)
    const end = (how: string): void => {
      clearTimeout(timer)
      socket.off('data', take)
      socket.off('close', close)
      if (how !== 'answered') socket.destroy()
      resolve(how)
    }
    const close = (): void => end('closed')
    const take = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk])
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return
      try {
        assert.is(decodeResponseHeader(new Reader(received, 4), key, version), correlationId)
        end('answered')
      } catch (thrown) {
        reject(thrown)
      }
    }
    socket.on('data', take)
    socket.once('close', close)
    socket.write(Buffer.concat([length, head, body]))
  })
}

test('every senseless request is answered or ends its connection, and the broker serves on', async () => {
  const seed = testSeed()
  const random = seededRandom(seed)
  const broker = await startTestBroker({ owners: 0, fronts: 1 }, { parts: { logger: quiet } })
  const endMs = performance.now() + testBudgetMs(4_000)
  const places = apis.flatMap(({ key, versionMin, versionMax }) =>
    Array.from({ length: versionMax - versionMin + 1 }, (_, index) => ({ key, version: versionMin + index })),
  )
  let deathOf: unknown
  broker.broker.done.catch((thrown: unknown) => {
    deathOf = thrown
  })
  const outcomes = new Map<string, number>()
  let socket = await dial(broker.address)
  let last: Attempt | undefined
  let count = 0
  while (performance.now() < endMs) {
    const { key, version } = count < places.length ? (places[count] ?? pick(places, random)) : pick(places, random)
    count++
    const attempt = makeAttempt(key, version, random)
    if (attempt === undefined) continue
    if (socket.destroyed) socket = await dial(broker.address)
    const how = await send(socket, attempt, count)
    outcomes.set(how, (outcomes.get(how) ?? 0) + 1)
    const where = `SEED=${seed}, request ${count}: ${describe(attempt)}`
    if (deathOf !== undefined) throw new Error(`the broker died; ${where}`, { cause: deathOf })
    if (how === 'nothing' && !mayWait.has(key)) assert.unreachable(`no answer; ${where}; before it ${describe(last)}`)
    last = attempt
  }
  socket.destroy()
  await withClient(broker.address, async (client) => void (await client.metadata([])))
  console.log(`SEED=${seed}: ${count} requests, ${JSON.stringify(Object.fromEntries(outcomes))}`)
  const restarted = await broker.restart()
  await withClient(restarted.address, async (client) => void (await client.metadata([])))
  await restarted.close()
})

/** Warnings about each senseless request would bury the test's own words. */
const quiet = { debug: ignore, info: ignore, warn: ignore, error: ignore }

function ignore(): void {
  // Said on purpose to nobody.
}

function describe(attempt: Attempt | undefined): string {
  if (attempt === undefined) return 'nothing'
  const text = JSON.stringify(attempt.message).slice(0, 2_000)
  return `${apiTable.get(attempt.key)?.name} ${attempt.version} ${text} as ${attempt.body.toString('hex').slice(0, 2_000)}`
}

test.run()
