/** `safka topic describe`: shows a topic's partitions, offsets, storage and rings. */

import { topicIdHex, topicIdText } from '../base/ids.ts'
import { Admin, type DescribedPartition } from '../client/admin.ts'
import { type Command, commonHelp, exitCode, onePositional, readOptions, withClient } from './command.ts'
import { table } from './table.ts'

const help = `safka topic describe NAME [options]: show a topic's partitions, offsets and storage

For topics with --storage ring it also shows each ring: its capacity in bytes, head (the first byte that is kept), tail
(the next one to be written), both counted since the ring was made, and how often it has wrapped around.

  --configs            every config with its value, not only those that were set
  --json               one JSON object
${commonHelp}

Examples:
  safka topic describe orders
  safka topic describe orders --json | jq .partitions
`

/** What Safka tells of a partition's storage to who asks for it by this key; other brokers have no such config. */
const factsKey = 'safka.ring.facts'

type Facts = {
  readonly sizeBytes: number
  readonly segments: number
  readonly ringBytes: number
  readonly ringHead: number
  readonly ringTail: number
  readonly ringWraps: number
}

/** Kafka's number for a config that was set on the topic itself. */
const topicSource = 1

export const topicDescribeCommand: Command = {
  name: 'topic describe',
  help,
  async run(argv, terminal) {
    const { values, positionals } = readOptions(argv, { configs: { type: 'boolean' }, json: { type: 'boolean' } })
    if (values.help === true) {
      await terminal.write(help)
      return exitCode.ok
    }
    const name = onePositional(positionals, 'topic')
    return withClient(terminal, values.broker, async (client) => {
      const admin = new Admin(client)
      const { id } = await client.topic(name)
      const all = await admin.describeTopicConfigs(name, null)
      const shown = values.configs === true ? all : all.filter(({ configSource }) => configSource === topicSource)
      const configs = Object.fromEntries(shown.map((config) => [config.name, config.value]))
      const storage = all.find((config) => config.name === 'safka.storage')?.value ?? undefined
      const facts = factsOf(await admin.describeTopicConfigs(name, [factsKey]))
      const partitions = await admin.describeTopic(name)
      const topic = { name, id: topicIdText(topicIdHex(id)), storage, configs }
      const text = values.json === true ? jsonText(topic, partitions, facts) : plainText(topic, partitions, facts)
      await terminal.write(text)
      return exitCode.ok
    })
  },
}

type Topic = {
  readonly name: string
  readonly id: string
  /** undefined: the broker is not Safka. */
  readonly storage: string | undefined
  readonly configs: Readonly<Record<string, string | null>>
}

function jsonText(topic: Topic, partitions: readonly DescribedPartition[], facts: ReadonlyMap<number, Facts>): string {
  const described = partitions.map((partition) => ({ ...partition, ...facts.get(partition.partition) }))
  return `${JSON.stringify({ ...topic, partitions: described })}\n`
}

function plainText(topic: Topic, partitions: readonly DescribedPartition[], facts: ReadonlyMap<number, Facts>): string {
  const lines = [`topic       ${topic.name}`, `id          ${topic.id}`]
  if (topic.storage !== undefined) lines.push(`storage     ${topic.storage}`)
  for (const [name, value] of Object.entries(topic.configs)) lines.push(`config      ${name}=${value ?? ''}`)
  const head = ['PARTITION', 'LEADER', 'START', 'END', 'RECORDS']
  const rows = partitions.map(({ partition, leader, startOffset, endOffset }) => [
    partition,
    leader,
    startOffset,
    endOffset,
    endOffset - startOffset,
  ])
  const isRing = topic.storage === 'ring'
  if (facts.size > 0) {
    head.push(...(isRing ? ['CAPACITY', 'HEAD', 'TAIL', 'WRAPS'] : ['BYTES', 'SEGMENTS']))
    rows.forEach((row, partition) => {
      const { sizeBytes, segments, ringBytes, ringHead, ringTail, ringWraps } = facts.get(partition) ?? noFacts
      row.push(...(isRing ? [ringBytes, ringHead, ringTail, ringWraps] : [sizeBytes, segments]))
    })
  }
  return `${lines.join('\n')}\n\n${table(head, rows)}`
}

const noFacts: Facts = { sizeBytes: 0, segments: 0, ringBytes: 0, ringHead: 0, ringTail: 0, ringWraps: 0 }

/** The facts by partition; empty where the broker is not Safka. */
function factsOf(configs: readonly { readonly name: string; readonly value: string | null }[]): Map<number, Facts> {
  const facts = new Map<number, Facts>()
  for (const { name, value } of configs) {
    const match = /^safka\.partition\.(\d+)\.ring$/.exec(name)
    if (match !== null && value !== null) facts.set(Number(match[1]), { ...noFacts, ...JSON.parse(value) })
  }
  return facts
}
