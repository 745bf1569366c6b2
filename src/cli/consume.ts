/** `safka consume`: prints the records of a topic. */

import { isUtf8 } from 'node:buffer'
import { SafkaError } from '../base/errors.ts'
import type { KafkaClient } from '../client/client.ts'
import { type ConsumedRecord, Consumer, type Position, type StartPlace } from '../client/consumer.ts'
import { mayRetry } from '../client/errors.ts'
import { GroupConsumer } from '../client/group-consumer.ts'
import {
  type Command,
  commonHelp,
  exitCode,
  oneOf,
  onePositional,
  readOptions,
  type Terminal,
  UsageError,
  wholeNumber,
  withClient,
} from './command.ts'

const help = `safka consume TOPIC [options]: print records, one a line, until interrupted

  --from PLACE         beginning (the default) or end; in a group only where it has no offset yet
  --group NAME         read as a member of a group, and commit what was printed
  --partition N        only this partition; may be given several times; not in a group
  --max N              stop after N records
  --exit-at-end        stop at the end instead of waiting for more
  --key-separator TEXT print the key and TEXT before the value
  --json               one JSON object a line, with key, headers, partition, offset and timestamp
${commonHelp}

Examples:
  safka consume orders
  safka consume orders --from end --group billing
  safka consume orders --exit-at-end --json | jq .value
`

export const consumeCommand: Command = {
  name: 'consume',
  help,
  async run(argv, terminal) {
    const { values, positionals } = readOptions(argv, {
      from: { type: 'string' },
      group: { type: 'string' },
      partition: { type: 'string', multiple: true },
      max: { type: 'string' },
      'exit-at-end': { type: 'boolean' },
      follow: { type: 'boolean' },
      'key-separator': { type: 'string' },
      json: { type: 'boolean' },
    })
    if (values.help === true) {
      await terminal.write(help)
      return exitCode.ok
    }
    const topic = onePositional(positionals, 'topic')
    const from = oneOf('from', values.from, ['beginning', 'end']) ?? 'beginning'
    const recordsMax = wholeNumber('max', values.max, 1) ?? Number.POSITIVE_INFINITY
    const partitions = values.partition?.map((text) => wholeNumber('partition', text, 0) ?? 0)
    if (partitions !== undefined && values.group !== undefined) {
      throw new UsageError('--partition and --group do not go together: a group divides the partitions itself')
    }
    if (values.follow === true && values['exit-at-end'] === true) {
      throw new UsageError('--follow and --exit-at-end do not go together')
    }
    const separator = values['key-separator']
    const format = values.json === true ? jsonLine : (record: ConsumedRecord) => textLine(record, separator)
    const isToExit = values['exit-at-end'] === true
    return withClient(terminal, values.broker, async (client) => {
      const source =
        values.group === undefined
          ? await plainSource(client, { topic, from, partitions })
          : new GroupConsumer({ client, groupId: values.group, topics: [topic], from })
      await print({ client, source, terminal, format, recordsMax, isToExit })
      return exitCode.ok
    })
  },
}

type Source = {
  readonly isAtEnd: boolean
  poll(): Promise<ConsumedRecord[]>
  seek(position: Position): void
  close?(): Promise<void>
}

async function plainSource(
  client: KafkaClient,
  wanted: { readonly topic: string; readonly from: StartPlace; readonly partitions: readonly number[] | undefined },
): Promise<Source> {
  const { topic, from } = wanted
  const { leaders } = await client.topic(topic)
  const partitions = wanted.partitions ?? leaders.map((_, partition) => partition)
  const missing = partitions.find((partition) => partition >= leaders.length)
  if (missing !== undefined) {
    throw new SafkaError('SAFKA_CLI_CONSUME', `topic '${topic}' has no partition ${missing}, only ${leaders.length}`)
  }
  const consumer = new Consumer({ client, from })
  await consumer.assign(partitions.map((partition) => ({ topic, partition, offset: from })))
  return consumer
}

async function print(printing: {
  readonly client: KafkaClient
  readonly source: Source
  readonly terminal: Terminal
  readonly format: (record: ConsumedRecord) => Buffer
  readonly recordsMax: number
  readonly isToExit: boolean
}): Promise<void> {
  const { client, source, terminal, format, recordsMax } = printing
  let isStopped = false
  terminal.onInterrupt(() => {
    isStopped = true
  })
  let printed = 0
  while (!isStopped && printed < recordsMax) {
    const records = await pollAgain(client, source)
    const lines = records.slice(0, recordsMax - printed).map(format)
    // What is not printed must not be committed: the first such record of a partition is where its next reader goes on.
    for (const record of records.slice(lines.length).reverse()) source.seek(record)
    if (lines.length > 0) await terminal.write(Buffer.concat(lines))
    printed += lines.length
    if (printing.isToExit && records.length === 0 && source.isAtEnd) break
  }
  await source.close?.()
}

/** A broker that restarts is waited for. */
function pollAgain(client: KafkaClient, source: Source): Promise<ConsumedRecord[]> {
  return source.poll().catch((thrown: unknown) => {
    if (!mayRetry(thrown)) throw thrown
    return client.retrying(() => source.poll())
  })
}

const lineEnd = Buffer.from('\n')
const empty = Buffer.alloc(0)

function textLine({ key, value }: ConsumedRecord, separator: string | undefined): Buffer {
  const shown = value ?? empty
  if (separator === undefined) return Buffer.concat([shown, lineEnd])
  return Buffer.concat([key ?? empty, Buffer.from(separator), shown, lineEnd])
}

function jsonLine(record: ConsumedRecord): Buffer {
  const { topic, partition, offset, timestampMs, key, value, headers } = record
  const fields = {
    topic,
    partition,
    offset,
    timestampMs,
    ...textOrBase64('key', key),
    ...textOrBase64('value', value),
    headers: headers.map((header) => ({ key: header.key, ...textOrBase64('value', header.value) })),
  }
  return Buffer.from(`${JSON.stringify(fields)}\n`)
}

/** Text where the bytes are UTF-8; else base64, under a name that says so. */
function textOrBase64(name: string, bytes: Buffer | null): Record<string, string | null> {
  if (bytes === null) return { [name]: null }
  return isUtf8(bytes) ? { [name]: bytes.toString('utf8') } : { [`${name}Base64`]: bytes.toString('base64') }
}
