/** `safka topic list`: lists the topics. */

import { Admin } from '../client/admin.ts'
import { type Command, commonHelp, exitCode, readOptions, UsageError, withClient } from './command.ts'
import { table } from './table.ts'

const help = `safka topic list [options]: list the topics

  --all                internal topics, too
  --json               one JSON object a line
${commonHelp}

Examples:
  safka topic list
  safka topic list --all --json
`

export const topicListCommand: Command = {
  name: 'topic list',
  help,
  async run(argv, terminal) {
    const { values, positionals } = readOptions(argv, { all: { type: 'boolean' }, json: { type: 'boolean' } })
    if (values.help === true) {
      await terminal.write(help)
      return exitCode.ok
    }
    if (positionals[0] !== undefined) throw new UsageError(`'${positionals[0]}' is one word too many`)
    return withClient(terminal, values.broker, async (client) => {
      const topics = (await new Admin(client).listTopics())
        .filter(({ isInternal }) => values.all === true || !isInternal)
        .map(({ name, partitions, isInternal }) => ({ name: name ?? '', partitions: partitions.length, isInternal }))
      if (values.json === true) {
        for (const topic of topics) await terminal.write(`${JSON.stringify(topic)}\n`)
      } else if (topics.length > 0) {
        const rows = topics.map(({ name, partitions }) => [name, partitions])
        await terminal.write(table(['TOPIC', 'PARTITIONS'], rows))
      } else {
        terminal.warn("there are no topics yet; 'safka topic create' makes one\n")
      }
      return exitCode.ok
    })
  },
}
