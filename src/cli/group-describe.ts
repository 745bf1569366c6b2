/** `safka group describe`: shows a group's members, offsets and lag. */

import { Admin, type GroupOffset } from '../client/admin.ts'
import { type Command, commonHelp, exitCode, onePositional, readOptions, withClient } from './command.ts'
import { table } from './table.ts'

const help = `safka group describe NAME [options]: show a group's members, offsets and lag

  --json               one JSON object
${commonHelp}

Examples:
  safka group describe billing
`

type Member = {
  readonly id: string
  readonly client: string
  readonly host: string
  readonly assignment: readonly string[]
}

export const groupDescribeCommand: Command = {
  name: 'group describe',
  help,
  async run(argv, terminal) {
    const { values, positionals } = readOptions(argv, { json: { type: 'boolean' } })
    if (values.help === true) {
      await terminal.write(help)
      return exitCode.ok
    }
    const name = onePositional(positionals, 'group')
    return withClient(terminal, values.broker, async (client) => {
      const admin = new Admin(client)
      const group = await admin.describeGroup(name)
      const members = group.members.map(
        ({ id, clientId, host, partitions }): Member => ({ id, client: clientId, host, assignment: texts(partitions) }),
      )
      const offsets = await admin.groupOffsets(name)
      const facts = { group: name, type: group.type, state: group.state, protocol: group.assignor }
      const text =
        values.json === true
          ? `${JSON.stringify({ ...facts, members, offsets: offsets.map((offset) => ({ ...offset, lag: lagOf(offset) })) })}\n`
          : plainText(facts, members, offsets)
      await terminal.write(text)
      return exitCode.ok
    })
  },
}

function plainText(
  facts: { readonly group: string; readonly type: string; readonly state: string; readonly protocol: string },
  members: readonly Member[],
  offsets: readonly GroupOffset[],
): string {
  const assignor = facts.protocol === '' ? '' : `\nassignor  ${facts.protocol}`
  const parts = [`group     ${facts.group}\ntype      ${facts.type}\nstate     ${facts.state}${assignor}\n`]
  if (members.length > 0) {
    const rows = members.map(({ id, client, host, assignment }) => [id, client, host, assignment.join(' ')])
    parts.push(table(['MEMBER', 'CLIENT', 'HOST', 'PARTITIONS'], rows))
  }
  if (offsets.length > 0) {
    const rows = offsets.map((offset) => [
      offset.topic,
      offset.partition,
      offset.committedOffset,
      offset.endOffset ?? '-',
      lagOf(offset) ?? '-',
    ])
    parts.push(table(['TOPIC', 'PARTITION', 'COMMITTED', 'END', 'LAG'], rows))
  }
  return parts.join('\n')
}

function lagOf({ committedOffset, endOffset }: GroupOffset): number | undefined {
  return endOffset === undefined ? undefined : Math.max(0, endOffset - committedOffset)
}

function texts(partitions: ReadonlyMap<string, readonly number[]>): string[] {
  return [...partitions].map(([topic, numbers]) => `${topic}[${numbers.join(',')}]`)
}
