/** `safka topic delete`: deletes topics with all that is in them. */

import { Admin } from '../client/admin.ts'
import { type Command, commonHelp, exitCode, readOptions, UsageError, withClient } from './command.ts'

const help = `safka topic delete NAME... [options]: delete topics with all that is in them

${commonHelp}

Examples:
  safka topic delete orders
  safka topic delete orders-test payments-test
`

export const topicDeleteCommand: Command = {
  name: 'topic delete',
  help,
  async run(argv, terminal) {
    const { values, positionals } = readOptions(argv, {})
    if (values.help === true) {
      await terminal.write(help)
      return exitCode.ok
    }
    if (positionals.length === 0) throw new UsageError('name the topics')
    return withClient(terminal, values.broker, async (client) => {
      const admin = new Admin(client)
      for (const name of positionals) {
        await admin.deleteTopic(name)
        await terminal.write(`deleted topic ${name}\n`)
      }
      return exitCode.ok
    })
  },
}
