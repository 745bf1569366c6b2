/** A group member that crashes loses its partitions when its session ends, by the broker's clock; or at once, by option. */

import { connect, type Socket } from 'node:net'
import kafkajs, { type Consumer, type Kafka as KafkaClient } from 'kafkajs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { createTopic } from './records.ts'
import { startTestBroker, type TestBroker, until } from './test-broker.ts'

const { Kafka, logLevel } = kafkajs
const topic = 'shared'
const groupId = 'fragile'
const sessionTimeoutMs = 30_000
const test = suite('crash of a group member')

/** A consumer whose connections a test can cut for good. */
class Member {
  assigned: readonly number[] = []
  readonly #sockets = new Set<Socket>()
  readonly #consumer: Consumer
  #isCut = false

  constructor(port: number) {
    const kafka: KafkaClient = new Kafka({
      brokers: [`127.0.0.1:${port}`],
      logLevel: logLevel.NOTHING,
      retry: { retries: 0, restartOnFailure: async () => false },
      socketFactory: ({ host, port: at, onConnect }) => {
        // Port 1 refuses: a member that is cut never comes back.
        const socket = connect({ host, port: this.#isCut ? 1 : at }, onConnect)
        this.#sockets.add(socket)
        return socket
      },
    })
    this.#consumer = kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: 20,
      maxWaitTimeInMs: 20,
    })
    this.#consumer.on('consumer.group_join', ({ payload }) => {
      this.assigned = payload.memberAssignment[topic] ?? []
    })
  }

  async start(): Promise<void> {
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topic })
    await this.#consumer.run({ eachMessage: async () => undefined })
  }

  /** Goes without a word: its sockets are destroyed and no new one connects. */
  cut(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.destroy(new Error('cut by the test'))
  }

  async stop(): Promise<void> {
    // It would say goodbye first, and wait for an answer that does not come.
    const limit = new Promise((resolve) => setTimeout(resolve, 400))
    await Promise.race([this.#consumer.disconnect().catch(() => undefined), limit])
  }
}

/** Lets the broker's time run 40 times as fast as the wall's: fetches that wait and heartbeats go on meanwhile. */
class FastTime {
  readonly clock = new VirtualClock()
  readonly #timer = setInterval(() => this.clock.advance(200), 5)

  async pass(milliseconds: number): Promise<void> {
    const endMs = this.clock.nowMs() + milliseconds
    await until('the time has passed', () => this.clock.nowMs() >= endMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

async function twoMembers(broker: TestBroker): Promise<[Member, Member]> {
  await createTopic(broker.address, { name: topic, partitions: 4 })
  const living = new Member(broker.port)
  await living.start()
  await until('the first has all partitions', () => living.assigned.length === 4)
  const doomed = new Member(broker.port)
  await doomed.start()
  await until('both have two', () => living.assigned.length === 2 && doomed.assigned.length === 2)
  return [living, doomed]
}

async function withTwoMembers(
  kafka: ReadonlyMap<string, string>,
  check: (living: Member, doomed: Member, time: FastTime) => Promise<void>,
): Promise<void> {
  const time = new FastTime()
  const broker = await startTestBroker({ owners: 0, storage: 'memory', kafka }, { parts: { clock: time.clock } })
  const members = await twoMembers(broker)
  try {
    await check(...members, time)
  } finally {
    for (const member of members) member.cut()
    await Promise.all(members.map((member) => member.stop()))
    await broker.close()
    time.stop()
  }
}

test('after its session timeout, and not before, its partitions go to who is left', async () => {
  await withTwoMembers(new Map(), async (living, doomed, time) => {
    doomed.cut()
    await time.pass(sessionTimeoutMs - 8_000)
    assert.is(living.assigned.length, 2, 'before the session ends nothing changes')
    await time.pass(10_000)
    await until('the one left has all', () => living.assigned.length === 4)
  })
})

test('with safka.group.member.free.on.close its place is free at once', async () => {
  await withTwoMembers(new Map([['safka.group.member.free.on.close', 'true']]), async (living, doomed, time) => {
    const startMs = time.clock.nowMs()
    doomed.cut()
    await until('the one left has all', () => living.assigned.length === 4)
    assert.ok(time.clock.nowMs() - startMs < sessionTimeoutMs / 2, 'long before the session would have ended')
  })
})

test.run()
