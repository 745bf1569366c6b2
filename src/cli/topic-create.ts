/** `safka topic create`: makes a topic. */

import { Admin } from '../client/admin.ts'
import { KafkaError } from '../client/errors.ts'
import {
  type Command,
  commonHelp,
  exitCode,
  oneOf,
  onePositional,
  readOptions,
  UsageError,
  wholeNumber,
  withClient,
} from './command.ts'

const help = `safka topic create NAME [options]: make a topic

  --partitions N       how many partitions (default: the broker's)
  --storage KIND       where its batches live: local, memory or ring (default: the broker's)
  --ring-bytes N       bytes of each partition's ring; only with --storage ring
  --config NAME=VALUE  a topic config of Kafka's; may be given several times
  --if-missing         it is no error when the topic is there already
${commonHelp}

Examples:
  safka topic create orders --partitions 4
  safka topic create latest --storage ring --ring-bytes 1048576
  safka topic create audit --config cleanup.policy=compact --config min.cleanable.dirty.ratio=0.1
`

export const topicCreateCommand: Command = {
  name: 'topic create',
  help,
  async run(argv, terminal) {
    const { values, positionals } = readOptions(argv, {
      partitions: { type: 'string' },
      storage: { type: 'string' },
      'ring-bytes': { type: 'string' },
      config: { type: 'string', multiple: true },
      'if-missing': { type: 'boolean' },
    })
    if (values.help === true) {
      await terminal.write(help)
      return exitCode.ok
    }
    const name = onePositional(positionals, 'topic')
    const partitions = wholeNumber('partitions', values.partitions, 1)
    const storage = oneOf('storage', values.storage, ['local', 'memory', 'ring'])
    const ringBytes = wholeNumber('ring-bytes', values['ring-bytes'], 1)
    const configs = {
      ...(storage === undefined ? {} : { 'safka.storage': storage }),
      ...(ringBytes === undefined ? {} : { 'safka.ring.bytes': String(ringBytes) }),
      ...configsOf(values.config ?? []),
    }
    return withClient(terminal, values.broker, async (client) => {
      const topic = { name, configs, ...(partitions === undefined ? {} : { partitions }) }
      try {
        await new Admin(client).createTopic(topic)
      } catch (thrown) {
        const isThere = thrown instanceof KafkaError && thrown.errorName === 'TOPIC_ALREADY_EXISTS'
        if (!isThere || values['if-missing'] !== true) throw thrown
        await terminal.write(`topic ${name} is there already\n`)
        return exitCode.ok
      }
      const { leaders } = await client.topic(name)
      await terminal.write(`created topic ${name} with ${leaders.length} partition${leaders.length === 1 ? '' : 's'}\n`)
      return exitCode.ok
    })
  },
}

function configsOf(texts: readonly string[]): Record<string, string> {
  const pairs = texts.map((text): [string, string] => {
    const at = text.indexOf('=')
    if (at < 1) throw new UsageError(`--config wants NAME=VALUE, not '${text}'`)
    return [text.slice(0, at), text.slice(at + 1)]
  })
  return Object.fromEntries(pairs)
}
