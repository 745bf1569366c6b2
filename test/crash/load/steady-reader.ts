/** A reader of whole partitions that goes on through crashes, and now and then begins again somewhere. */

import { mayRetry } from '../../../src/client/errors.ts'
import { NotedConsumer } from './noted-consumer.ts'
import { type Actor, type CrashTopic, crashClient, partitionsOf, pause, type World } from './world.ts'

export class SteadyReader implements Actor {
  readonly name: string
  progress = 0
  readonly #world: World
  readonly #isolation: 'committed' | 'uncommitted'
  readonly #topics: readonly CrashTopic[]

  constructor(world: World, isolation: 'committed' | 'uncommitted', topics: readonly CrashTopic[]) {
    this.#world = world
    this.#isolation = isolation
    this.#topics = topics
    this.name = `reader (${isolation})`
  }

  async run(): Promise<void> {
    const client = crashClient(this.#world, false)
    const reader = this.#world.nextReader(this.#isolation)
    const consumer = new NotedConsumer({ world: this.#world, client, reader, isolation: this.#isolation })
    const start = (): Promise<void> =>
      consumer.assign(partitionsOf(this.#topics).map((place) => ({ ...place, offset: 0 })))
    await start()
    while (!this.#world.isStopping) {
      try {
        const records = await consumer.poll()
        if (records === undefined) await start()
        else this.progress += records.length
        if (this.#world.random.below(200) === 0) await start()
      } catch (thrown) {
        if (!mayRetry(thrown)) this.#world.problem(this, thrown)
        await pause(20)
      }
    }
    await client.close()
  }
}
