/**
 * The `uniform` assignor for members that read different topics: they keep what they still read, free partitions go to the least
 * loaded readers, and partitions then move from the most to the least loaded ones until no move makes it more even.
 */

import type { TopicIdHex } from '../../../../base/ids.ts'
import { compareTopicIds } from '../java-order.ts'
import { LoadBalancer } from './load-balancer.ts'
import {
  addPartition,
  type GroupSpec,
  type GroupTargets,
  type GrowingTarget,
  growingTarget,
  removePartition,
} from './spec.ts'

/** Readers that overlap converge slowly; Kafka's UniformHeterogeneousAssignmentBuilder leaves it at so many passes. */
const passesMax = 16
const nobody = -1

type Topic = {
  readonly id: TopicIdHex
  /** Indices of the members that read it, ascending. */
  readonly readers: number[]
  /** By partition, the index of the member that has it. */
  readonly owners: number[]
}

/** The working state of one assignment. */
type Work = {
  readonly topics: ReadonlyMap<TopicIdHex, Topic>
  /** By member index. */
  readonly targets: GrowingTarget[]
  readonly loads: number[]
}

/** Members are equal but for their order, which breaks ties. */
export function assignUniformHeterogeneous(spec: GroupSpec): GroupTargets {
  const work = beginWork(spec)
  if (work.topics.size === 0) return new Map()
  keepWhatIsRead(spec, work)
  const sorted = sortTopics([...work.topics.values()])
  assignFree(work, sorted)
  balance(
    work,
    sorted.filter(({ readers }) => readers.length >= 2),
  )
  return new Map(spec.members.map(({ id }, index) => [id, work.targets[index] ?? new Map()]))
}

function beginWork({ members, partitionCount }: GroupSpec): Work {
  const topics = new Map<TopicIdHex, Topic>()
  for (const [index, { topicIds }] of members.entries()) {
    for (const id of topicIds) {
      const topic = topics.get(id)
      if (topic !== undefined) topic.readers.push(index)
      else topics.set(id, { id, readers: [index], owners: new Array<number>(partitionCount(id)).fill(nobody) })
    }
  }
  return { topics, targets: members.map(({ target }) => growingTarget(target)), loads: members.map(() => 0) }
}

function keepWhatIsRead({ members }: GroupSpec, work: Work): void {
  for (const [index, member] of members.entries()) {
    const read = new Set(member.topicIds)
    for (const [topicId, partitions] of member.target) {
      const owners = work.topics.get(topicId)?.owners
      if (!read.has(topicId) || owners === undefined) {
        work.targets[index]?.delete(topicId)
        continue
      }
      for (const partition of partitions) owners[partition] = index
      work.loads[index] = (work.loads[index] ?? 0) + partitions.size
    }
  }
}

/** Topics with the most partitions a reader first, then those with the fewest readers. */
function sortTopics(topics: Topic[]): Topic[] {
  const share = ({ owners, readers }: Topic): number => owners.length / readers.length
  return topics.sort(
    (left, right) =>
      share(right) - share(left) || left.readers.length - right.readers.length || compareTopicIds(left.id, right.id),
  )
}

function assignFree(work: Work, topics: readonly Topic[]): void {
  const balancer = new LoadBalancer(work.loads)
  for (const topic of topics) {
    if (!topic.owners.includes(nobody)) continue
    balancer.begin(topic.readers)
    for (const [partition, owner] of topic.owners.entries()) {
      if (owner === nobody) give(work, topic, { partition, to: balancer.nextLeastLoaded() })
    }
  }
}

function balance(work: Work, topics: readonly Topic[]): void {
  const balancer = new LoadBalancer(work.loads)
  let lastMoved = -1
  for (let pass = 0; pass < passesMax; pass++) {
    for (const [index, topic] of topics.entries()) {
      // All topics since the last one that moved are even: so is everything.
      if (index === lastMoved) return
      if (balanceTopic(work, topic, balancer) > 0 || lastMoved === -1) lastMoved = index
    }
  }
}

/** Answers how many partitions moved. */
function balanceTopic(work: Work, topic: Topic, balancer: LoadBalancer): number {
  if (balancer.begin(topic.readers) <= 1) return 0
  const owned = new Map<number, number[]>()
  for (const [partition, owner] of topic.owners.entries()) {
    const partitions = owned.get(owner)
    if (partitions === undefined) owned.set(owner, [partition])
    else partitions.push(partition)
  }
  let moved = 0
  while (!balancer.isBalanced) {
    const from = nextGiver(owned, balancer)
    const partition = from === undefined ? undefined : owned.get(from)?.pop()
    if (partition === undefined) break
    const to = balancer.nextLeastLoaded()
    if (balancer.isBalanced) break
    give(work, topic, { partition, to })
    moved += 1
  }
  return moved
}

/** The most loaded reader that has a partition of this topic to give; undefined where nobody has. */
function nextGiver(owned: ReadonlyMap<number, readonly number[]>, balancer: LoadBalancer): number | undefined {
  for (;;) {
    const member = balancer.nextMostLoaded()
    if (member === undefined) return undefined
    if ((owned.get(member)?.length ?? 0) > 0) return member
    balancer.excludeMostLoaded()
  }
}

function give(
  { targets, loads }: Work,
  topic: Topic,
  { partition, to }: { readonly partition: number; readonly to: number },
): void {
  const from = topic.owners[partition] ?? nobody
  const giver = targets[from]
  if (giver !== undefined) {
    removePartition(giver, topic.id, partition)
    loads[from] = (loads[from] ?? 0) - 1
  }
  const taker = targets[to]
  if (taker === undefined) return
  addPartition(taker, topic.id, partition)
  topic.owners[partition] = to
  loads[to] = (loads[to] ?? 0) + 1
}
