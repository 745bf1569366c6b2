/** Reads everything back once all clients have ended: the end of a history, and what the copies of copiers must be. */

import type { KafkaClient } from '../../../src/client/client.ts'
import { mayRetry } from '../../../src/client/errors.ts'
import { fetchCommitted } from '../../../src/client/group-member.ts'
import { withClient } from '../../broker/records.ts'
import { noOffset } from '../../history/history.ts'
import { copierGroup } from './copier.ts'
import { crashGroup } from './group-reader.ts'
import { NotedConsumer, type NotedRecord } from './noted-consumer.ts'
import { type CrashTopic, crashTopics, partitionKey, partitionsOf, pause, type World } from './world.ts'

/** Polls without a record, 20 ms apart, after which a reader that has not come to the end counts as stuck. */
const emptyPollsMax = 500

/** Notes what two fresh readers see of all partitions, and what groups have committed; answers how many records were read. */
export async function readBack(world: World, topics: readonly CrashTopic[]): Promise<number> {
  // Earlier readers read less than everything.
  for (const [reader, facts] of world.history.readers) world.history.readers.set(reader, { ...facts, isFinal: false })
  return withClient(world.address, async (client) => {
    const all = await readAll(world, client, { isolation: 'uncommitted', topics, ends: undefined })
    const committed = await readAll(world, client, { isolation: 'committed', topics, ends: all.ends })
    const offsets = await noteOffsets(world, client)
    if (topics.includes('output')) checkCopies(world, committed.records, offsets)
    return all.records.length + committed.records.length
  })
}

type Ends = ReadonlyMap<number, number>

async function readAll(
  world: World,
  client: KafkaClient,
  wanted: { isolation: 'committed' | 'uncommitted'; topics: readonly CrashTopic[]; ends: Ends | undefined },
): Promise<{ records: NotedRecord[]; ends: Ends }> {
  const { isolation, topics, ends } = wanted
  const reader = world.nextReader(isolation, true)
  const consumer = new NotedConsumer({ world, client, reader, isolation, maxWaitMs: 0 })
  await consumer.assign(partitionsOf(topics).map((place) => ({ ...place, offset: 0 })))
  const records: NotedRecord[] = []
  let emptyPolls = 0
  const reached = (): Ends =>
    new Map(consumer.positions().map(({ topic, partition, offset }) => [partitionKey(topic, partition), offset]))
  const isThere = (): boolean =>
    ends === undefined ? consumer.isAtEnd : [...reached()].every(([key, offset]) => offset >= (ends.get(key) ?? 0))
  while (!isThere() && emptyPolls < emptyPollsMax) {
    try {
      const got = (await consumer.poll()) ?? []
      for (const record of got) records.push(record)
      if (got.length > 0) continue
      emptyPolls++
      await pause(20)
    } catch (thrown) {
      if (!mayRetry(thrown)) throw thrown
      await pause(20)
    }
  }
  if (!isThere()) {
    world.problems.push(
      `the ${isolation} reader stays at ${[...reached()].join(' ')} below ${[...(ends ?? [])].join(' ')}`,
    )
  }
  return { records, ends: reached() }
}

/** Notes what each group has committed; answers that of the copiers' groups, by input partition. */
async function noteOffsets(world: World, client: KafkaClient): Promise<number[]> {
  const note = async (
    group: { name: string; number: number },
    topic: CrashTopic,
    partition: number,
  ): Promise<number> => {
    const startedAt = world.history.now
    const [found] = await fetchCommitted(client, group.name, new Map([[topic, [partition]]]), true)
    const offset = found?.offset ?? noOffset
    const place = { group: group.number, partition: partitionKey(topic, partition) }
    world.history.add({ kind: 'committed', ...place, offset, startedAt })
    return offset
  }
  for (let partition = 0; partition < crashTopics.plain; partition++) await note(crashGroup, 'plain', partition)
  const offsets: number[] = []
  for (let partition = 0; partition < crashTopics.input; partition++) {
    offsets.push(await note(copierGroup(partition), 'input', partition))
  }
  return offsets
}

/** Exactly once: each input below the committed offset has one copy, each behind it none. */
function checkCopies(world: World, records: readonly NotedRecord[], offsets: readonly number[]): void {
  const copied = new Map<number, number>()
  for (const { topic, value } of records) {
    const copy = topic === 'output' ? world.copies.get(value) : undefined
    if (copy !== undefined) copied.set(copy.input, (copied.get(copy.input) ?? 0) + 1)
  }
  for (const { topic, partition, offset, value } of records) {
    if (topic !== 'input') continue
    const wanted = offset < (offsets[partition] ?? noOffset) ? 1 : 0
    const count = copied.get(value) ?? 0
    if (count === wanted) continue
    world.problems.push(
      `value ${value}, at offset ${offset} of input ${partition}, has ${count} copies and not ${wanted}`,
    )
  }
}
