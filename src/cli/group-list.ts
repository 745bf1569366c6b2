/** `safka group list`: lists the consumer groups. */

import { Admin } from '../client/admin.ts'
import { type Command, commonHelp, exitCode, readOptions, UsageError, withClient } from './command.ts'
import { table } from './table.ts'

const help = `safka group list [options]: list the consumer groups

  --json               one JSON object a line
${commonHelp}

Examples:
  safka group list
`

export const groupListCommand: Command = {
  name: 'group list',
  help,
  async run(argv, terminal) {
    const { values, positionals } = readOptions(argv, { json: { type: 'boolean' } })
    if (values.help === true) {
      await terminal.write(help)
      return exitCode.ok
    }
    if (positionals[0] !== undefined) throw new UsageError(`'${positionals[0]}' is one word too many`)
    return withClient(terminal, values.broker, async (client) => {
      const groups = await new Admin(client).listGroups()
      if (values.json === true) {
        for (const { groupId, groupState, groupType, protocolType } of groups) {
          const group = { group: groupId, state: groupState, type: groupType, protocol: protocolType }
          await terminal.write(`${JSON.stringify(group)}\n`)
        }
      } else if (groups.length > 0) {
        const rows = groups.map(({ groupId, groupState, groupType, protocolType }) => [
          groupId,
          groupState,
          groupType,
          protocolType,
        ])
        await terminal.write(table(['GROUP', 'STATE', 'TYPE', 'PROTOCOL'], rows))
      } else {
        terminal.warn('there are no groups yet\n')
      }
      return exitCode.ok
    })
  },
}
