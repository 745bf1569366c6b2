/** The byte queue: messages in order and whole, at every size and at every place of the wrap. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import { ByteQueue } from '../../src/ring/queue.ts'
import { content } from './small-owner.ts'

function ends(bytes: number): { producer: ByteQueue; consumer: ByteQueue } {
  const memory = ByteQueue.create(bytes)
  return { producer: new ByteQueue(memory), consumer: new ByteQueue(memory) }
}

test('messages come out as they went in, joined from their parts', () => {
  const { producer, consumer } = ends(1024)
  assert.is(consumer.pop(), undefined)
  assert.ok(producer.tryPush([Buffer.from('one'), Buffer.from(' and '), Buffer.from('two')]))
  assert.ok(producer.tryPush([]))
  assert.ok(producer.tryPush([Buffer.alloc(0), Buffer.from('3')]))
  assert.equal(consumer.pop(), Buffer.from('one and two'))
  assert.equal(consumer.pop(), Buffer.alloc(0))
  assert.equal(consumer.pop(), Buffer.from('3'))
  assert.is(consumer.pop(), undefined)
})

test('a full queue refuses a message whole, and takes it once there is room', () => {
  const { producer, consumer } = ends(1024)
  const message = content(120, 1)
  for (let count = 0; count < 8; count++) assert.ok(producer.tryPush([message]))
  assert.not(producer.tryPush([message]))
  assert.not(producer.tryPush([]))
  assert.ok(consumer.takeRoomInterest(), 'the producer waits')
  assert.not(consumer.takeRoomInterest(), 'once')
  assert.equal(consumer.pop(), message)
  assert.ok(producer.tryPush([message]))
  assert.not(producer.tryPush([]))
  for (let count = 0; count < 8; count++) assert.equal(consumer.pop(), message)
  assert.is(consumer.pop(), undefined)
})

test('a message of exactly the capacity goes in one piece', () => {
  const { producer, consumer } = ends(1024)
  assert.ok(producer.tryPush([content(1016, 2)]))
  assert.ok(producer.flush())
  assert.equal(consumer.pop(), content(1016, 2))
})

test('a producer whose message was taken in pieces waits for room without being asked to', () => {
  const { producer, consumer } = ends(1024)
  assert.ok(producer.tryPush([content(3_000, 4)]))
  assert.is(consumer.pop(), undefined)
  assert.ok(consumer.takeRoomInterest(), 'or nobody would wake it for the next piece')
})

test('a message longer than the queue travels in pieces, and others wait behind it', () => {
  const { producer, consumer } = ends(1024)
  const source = content(10_000, 3)
  assert.ok(producer.tryPush([source]))
  source.fill(0)
  assert.not(producer.flush())
  assert.not(producer.tryPush([Buffer.from('next')]))
  let popped: Buffer | undefined
  let rounds = 0
  while (popped === undefined && rounds++ < 100) {
    popped = consumer.pop()
    if (popped === undefined) assert.ok(consumer.takeRoomInterest())
    producer.flush()
  }
  assert.equal(popped, content(10_000, 3), 'the rest was copied: its source may be used again')
  assert.ok(producer.flush())
  assert.ok(producer.tryPush([Buffer.from('next')]))
  assert.equal(consumer.pop(), Buffer.from('next'))
})

test('every size passes at every place of the wrap', () => {
  const { producer, consumer } = ends(1024)
  for (let length = 0; length < 3000; length += 7) {
    const message = content(length, length)
    assert.ok(producer.tryPush([message.subarray(0, length >> 1), message.subarray(length >> 1)]))
    let popped = consumer.pop()
    while (popped === undefined) {
      producer.flush()
      popped = consumer.pop()
    }
    assert.ok(popped.equals(message), `${length} bytes`)
  }
})

test('any mix of pushes and pops keeps the order', () => {
  const seed = Number(process.env.SEED ?? 20_261)
  const random = seededRandom(seed)
  const { producer, consumer } = ends(2048)
  const waiting: Buffer[] = []
  for (let step = 0; step < 20_000; step++) {
    if (random.below(2) === 0) {
      const length = random.below(10) === 0 ? random.below(9000) : random.below(300)
      const message = content(length, step)
      if (producer.tryPush([message])) waiting.push(message)
    } else {
      const popped = consumer.pop()
      if (popped !== undefined) assert.ok(waiting.shift()?.equals(popped) === true, `seed ${seed}, step ${step}`)
      else producer.flush()
    }
  }
})

test('memory that is no queue is refused, and so is a message beyond the limit', () => {
  assert.throws(() => new ByteQueue(new SharedArrayBuffer(2048)), /no queue/)
  const { producer } = ends(1024)
  const piece = Buffer.alloc(2 ** 20)
  assert.throws(() => producer.tryPush(new Array<Buffer>(257).fill(piece)), /too long/)
})

test.run()
