/** Members of a group that come and go: each reads what the group gives it, and commits what it has read. */

import type { KafkaClient } from '../../../src/client/client.ts'
import { mayRetry } from '../../../src/client/errors.ts'
import { GroupMember } from '../../../src/client/group-member.ts'
import { noOffset, noTransaction, type Outcome } from '../../history/history.ts'
import { NotedConsumer } from './noted-consumer.ts'
import { type Actor, crashClient, partitionKey, pause, type World } from './world.ts'

/** The group's name, and its number in the history. */
export const crashGroup = { name: 'readers', number: 0 } as const

const topic = 'plain'
/** As short as the broker is told to allow. */
export const sessionMs = 1_500

export class GroupReader implements Actor {
  readonly name = 'group member'
  progress = 0
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  async run(): Promise<void> {
    const client = crashClient(this.#world, true)
    while (!this.#world.isStopping) await this.#live(client)
    await client.close()
  }

  /** One membership, from its first join to its leave. */
  async #live(client: KafkaClient): Promise<void> {
    const { random } = this.#world
    const member = new GroupMember({
      client,
      groupId: crashGroup.name,
      topics: [topic],
      // A member that a kill took the answer to its first join from never comes back: the others wait for it.
      sessionTimeoutMs: sessionMs,
      rebalanceTimeoutMs: sessionMs,
      heartbeatMs: 100,
    })
    const reader = this.#world.nextReader('uncommitted')
    const consumer = new NotedConsumer({ world: this.#world, client, reader, isolation: 'uncommitted' })
    const endMs = performance.now() + 300 + random.below(1_500)
    while (!this.#world.isStopping && performance.now() < endMs) {
      try {
        if (member.needsJoin) await this.#join(member, consumer)
        const records = await consumer.poll()
        if (records === undefined) await this.#join(member, consumer)
        else if (records.length > 0) await this.#commit(member, consumer)
        this.progress++
      } catch (thrown) {
        // A generation that has ended is no problem: the next round joins again.
        if (!member.needsJoin && !mayRetry(thrown)) this.#world.problem(this, thrown)
        await pause(20)
      }
    }
    await member.leave()
  }

  async #join(member: GroupMember, consumer: NotedConsumer): Promise<void> {
    const { history } = this.#world
    const assignment = await member.join()
    const startedAt = history.now
    const committed = await member.committed(assignment)
    const positions = (assignment.get(topic) ?? []).map((partition) => {
      const offset = committed.find((position) => position.partition === partition)?.offset ?? noOffset
      history.add({
        kind: 'committed',
        group: crashGroup.number,
        partition: partitionKey(topic, partition),
        offset,
        startedAt,
      })
      return { topic, partition, offset: Math.max(offset, 0) }
    })
    await consumer.assign(positions)
    // After a power cut a committed offset may lie behind the log's end, and the reader begins anew.
    if (this.#world.isLossy) history.add({ kind: 'subscribe', reader: consumer.reader })
  }

  async #commit(member: GroupMember, consumer: NotedConsumer): Promise<void> {
    const { history } = this.#world
    const positions = consumer.positions()
    const startedAt = history.now
    const { generation } = this.#world
    const note = (outcome: Outcome): void => {
      for (const { partition, offset } of positions) {
        const place = {
          group: crashGroup.number,
          partition: partitionKey(topic, partition),
          transaction: noTransaction,
        }
        history.add({ kind: 'commit', ...place, offset, outcome, startedAt })
      }
    }
    try {
      await member.commit(positions)
      // One that was sent again after a power cut may point behind the end of what is left, and says nothing.
      note(generation === this.#world.generation ? 'ok' : 'unknown')
    } catch (thrown) {
      note('unknown')
      throw thrown
    }
  }
}
