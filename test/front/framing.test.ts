/** Frames from a stream that arrives in whatever pieces. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import { BytePool } from '../../src/front/byte-pool.ts'
import { directBytesMin, Framing, FramingError } from '../../src/front/framing.ts'
import { HalfReceived } from '../../src/front/half-received.ts'

const frameBytesMax = 1_048_576

function frameOf(payload: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(payload.length)
  return Buffer.concat([size, payload])
}

function payloadOf(length: number, seed: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 31 + seed) & 0xff))
}

/** Pulls all frames out; copies, since the input's memory is used again. */
function pull(framing: Framing): Buffer[] {
  const frames: Buffer[] = []
  while (framing.next()) frames.push(Buffer.from(framing.bytes.subarray(framing.start, framing.end)))
  return frames
}

test('a stream cut at each of its bytes gives the same frames', () => {
  const payloads = [payloadOf(1, 1), payloadOf(7, 2), payloadOf(300, 3), payloadOf(2, 4)]
  const stream = Buffer.concat(payloads.map(frameOf))
  for (let cut = 0; cut <= stream.length; cut++) {
    const framing = new Framing(frameBytesMax, new BytePool())
    const target = Buffer.alloc(stream.length)
    const frames: Buffer[] = []
    for (const piece of [stream.subarray(0, cut), stream.subarray(cut)]) {
      piece.copy(target)
      framing.feed(target, piece.length)
      frames.push(...pull(framing))
      target.fill(0xee)
    }
    assert.equal(frames, payloads, `cut at ${cut}`)
  }
})

test('a stream in pieces of random sizes, also read directly, gives the same frames', () => {
  const seed = Number(process.env.SEED ?? 4_711)
  const random = seededRandom(seed)
  for (let round = 0; round < 60; round++) {
    const payloads = Array.from({ length: 1 + random.below(6) }, (_, index) =>
      payloadOf(1 + random.below(random.below(3) === 0 ? 300_000 : 200), index),
    )
    const stream = Buffer.concat(payloads.map(frameOf))
    const framing = new Framing(frameBytesMax, new BytePool())
    const shared = Buffer.alloc(65_536)
    const frames: Buffer[] = []
    for (let at = 0; at < stream.length; ) {
      const direct = framing.directTarget()
      const target = direct ?? shared
      const length = Math.min(target.length, stream.length - at, 1 + random.below(90_000))
      stream.copy(target, 0, at, at + length)
      at += length
      if (direct === undefined) framing.feed(shared, length)
      else framing.receivedDirectly(length)
      frames.push(...pull(framing))
      shared.fill(0xee)
    }
    assert.is(frames.length, payloads.length, `SEED=${seed}, round ${round}`)
    for (const [index, payload] of payloads.entries()) assert.ok(frames[index]?.equals(payload), `SEED=${seed}`)
  }
})

test('what was fed and not pulled yet can be kept, and more may follow', () => {
  const payloads = [payloadOf(5, 1), payloadOf(6, 2), payloadOf(7, 3)]
  const stream = Buffer.concat(payloads.map(frameOf))
  const framing = new Framing(frameBytesMax, new BytePool())
  const target = Buffer.from(stream.subarray(0, 22))
  framing.feed(target, 22)
  assert.ok(framing.next())
  framing.keepInput()
  target.fill(0xee)
  stream.copy(target, 0, 22)
  framing.feed(target, stream.length - 22)
  framing.keepInput()
  target.fill(0xee)
  assert.equal(pull(framing), payloads.slice(1))
})

test('a frame that announces much and falls silent holds only a multiple of what it sent', () => {
  const framing = new Framing(104_857_600, new BytePool())
  const start = Buffer.alloc(4 + 1_000)
  start.writeInt32BE(104_857_600)
  framing.feed(start, 4)
  assert.not(framing.next())
  assert.is(framing.heldBytes, 0)
  framing.feed(start.subarray(4), 1_000)
  assert.not(framing.next())
  assert.ok(framing.heldBytes <= 4_096)
  assert.ok((framing.directTarget()?.length ?? 0) >= directBytesMin)
  assert.ok(framing.heldBytes <= 4_096 + 4 * directBytesMin)
})

test('sizes that cannot be are refused, up to the limit they are not', () => {
  for (const size of [0, -1, -2_147_483_648, frameBytesMax + 1, 2_147_483_647]) {
    const framing = new Framing(frameBytesMax, new BytePool())
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(size)
    framing.feed(bytes, 4)
    assert.throws(
      () => framing.next(),
      (thrown: unknown) => thrown instanceof FramingError,
      `${size}`,
    )
  }
  const framing = new Framing(frameBytesMax, new BytePool())
  framing.feed(frameOf(payloadOf(frameBytesMax, 1)), 4 + frameBytesMax)
  assert.ok(framing.next())
})

test('over the limit of half-received bytes the connection goes that made no progress for longest', () => {
  const evicted: string[] = []
  const halfReceived = new HalfReceived(100)
  const holder = (name: string) => ({ evict: () => void evicted.push(name) })
  const [first, second, third] = [holder('first'), holder('second'), holder('third')]
  halfReceived.change(first, 40)
  halfReceived.change(second, 40)
  halfReceived.change(first, 50)
  halfReceived.change(third, 20)
  assert.equal(evicted, ['second'])
  assert.is(halfReceived.bytes, 70)
  halfReceived.change(third, 101)
  assert.equal(evicted, ['second', 'first', 'third'])
  assert.is(halfReceived.bytes, 0)
})

test('pooled buffers are used again once they were given back, and no sooner', () => {
  const pool = new BytePool()
  const first = pool.take(100_000)
  const second = pool.take(100_000)
  assert.is(first.length, 100_000)
  assert.is.not(first.buffer, second.buffer)
  pool.giveBack(first.subarray(5, 10))
  pool.giveBack(first)
  assert.is(pool.keptBytes, 131_072)
  assert.is(pool.take(70_000).buffer, first.buffer)
  assert.is(pool.keptBytes, 0)
  pool.giveBack(Buffer.alloc(100_000))
  pool.giveBack(pool.take(10))
  pool.giveBack(pool.take(3_000_000))
  assert.is(pool.keptBytes, 0)
  const many = Array.from({ length: 20 }, () => pool.take(2_097_152))
  for (const buffer of many) pool.giveBack(buffer)
  assert.is(pool.keptBytes, 16_777_216)
})

test.run()
