/** `safka produce`: sends lines to a topic. */

import { createReadStream } from 'node:fs'
import { messageOf, SafkaError } from '../base/errors.ts'
import type { KafkaClient } from '../client/client.ts'
import { Producer } from '../client/producer.ts'
import {
  type Command,
  commonHelp,
  exitCode,
  type InputStream,
  oneOf,
  onePositional,
  readOptions,
  type Terminal,
  UsageError,
  wholeNumber,
  withClient,
} from './command.ts'
import { linesOf } from './lines.ts'
import { Progress } from './progress.ts'

const help = `safka produce TOPIC [options]: send each line of standard input as a record

Records without a key go to the partitions in turn; those with one go where Kafka's own producer sends that key.

  --file FILE          read the lines from a file
  --key-separator TEXT the line's part before the first TEXT is the key
  --partition N        send everything to this partition
  --acks all|1|0       wait for the broker's answer (default all), or not (0)
  --compression CODEC  none, gzip, snappy, lz4 or zstd (default none)
  --idempotent         let the broker drop what a retry sends twice
  --batch-bytes N      bytes of records in a full batch (default 65536)
  --progress           show a progress line even if standard error is no terminal
${commonHelp}

Examples:
  echo hello | safka produce greetings
  safka produce orders --file orders.csv --key-separator ,
  seq 1000000 | safka produce numbers --compression lz4 --progress
`

/** Records on their way at once; the reader waits beyond. The producer bounds their bytes, this bounds their promises. */
const recordsOnTheWayMax = 20_000
const acksOf = { all: -1, '1': 1, '0': 0 } as const

export const produceCommand: Command = {
  name: 'produce',
  help,
  async run(argv, terminal) {
    const { values, positionals } = readOptions(argv, {
      file: { type: 'string' },
      'key-separator': { type: 'string' },
      partition: { type: 'string' },
      acks: { type: 'string' },
      compression: { type: 'string' },
      idempotent: { type: 'boolean' },
      'batch-bytes': { type: 'string' },
      progress: { type: 'boolean' },
    })
    if (values.help === true) {
      await terminal.write(help)
      return exitCode.ok
    }
    const topic = onePositional(positionals, 'topic')
    const partition = wholeNumber('partition', values.partition, 0)
    const batchBytes = wholeNumber('batch-bytes', values['batch-bytes'], 1)
    const acks = acksOf[oneOf('acks', values.acks, ['all', '1', '0']) ?? 'all']
    const compression = oneOf('compression', values.compression, ['none', 'gzip', 'snappy', 'lz4', 'zstd'])
    const separator = values['key-separator']
    if (separator === '') throw new UsageError('--key-separator must not be empty')
    if (values.idempotent === true && acks !== -1) throw new UsageError('--idempotent needs --acks all')
    return withClient(terminal, values.broker, async (client) => {
      const producer = new Producer({
        client,
        acks,
        isIdempotent: values.idempotent === true,
        ...(compression === undefined ? {} : { compression }),
        ...(batchBytes === undefined ? {} : { batchBytes }),
      })
      const input = values.file === undefined ? terminal.input : createReadStream(values.file)
      const isOn = values.progress === true || terminal.isErrorTty
      const progress = new Progress({ terminal, clock: client.clock, isOn, verb: 'sent' })
      await sendLines({ client, producer, topic, partition, separator, input, progress, terminal })
      progress.end()
      return exitCode.ok
    })
  },
}

type Sending = {
  readonly client: KafkaClient
  readonly producer: Producer
  readonly topic: string
  readonly partition: number | undefined
  readonly separator: string | undefined
  readonly input: InputStream
  readonly progress: Progress
  readonly terminal: Terminal
}

async function sendLines(sending: Sending): Promise<void> {
  const { producer, topic, partition, separator, progress } = sending
  let onTheWay = 0
  let failure: { readonly reason: unknown } | undefined
  let isInterrupted = false
  let wake: () => void = () => {}
  const oneArrived = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve
    })
  sending.terminal.onInterrupt(() => {
    isInterrupted = true
    // Else the loop would wait for a line that may never come.
    sending.input.destroy?.()
  })
  let lineNumber = 0
  for await (const line of endingWhen(linesOf(sending.input), () => isInterrupted)) {
    lineNumber++
    if (failure !== undefined) break
    const { key, value } = separator === undefined ? { key: null, value: line } : keyed(line, separator, lineNumber)
    onTheWay++
    const record = { topic, key, value, ...(partition === undefined ? {} : { partition }) }
    void producer
      .send(record)
      .then(() => progress.add(line.length))
      .catch((reason: unknown) => {
        failure ??= { reason }
      })
      .finally(() => {
        onTheWay--
        wake()
      })
    while (onTheWay >= recordsOnTheWayMax) await oneArrived()
  }
  while (onTheWay > 0) await oneArrived()
  await producer.close()
  if (failure === undefined) return
  progress.end()
  const sent = progress.records
  throw new SafkaError('SAFKA_CLI_PRODUCE', `${messageOf(failure.reason)} (${sent} records were sent before)`)
}

/** A stream that is destroyed throws; where that was wanted, it has just ended. */
async function* endingWhen(lines: AsyncGenerator<Buffer>, isWanted: () => boolean): AsyncGenerator<Buffer> {
  try {
    yield* lines
  } catch (thrown) {
    if (!isWanted()) throw thrown
  }
}

function keyed(line: Buffer, separator: string, lineNumber: number): { key: Buffer; value: Buffer } {
  const at = line.indexOf(separator)
  if (at < 0) throw new SafkaError('SAFKA_CLI_PRODUCE', `line ${lineNumber} has no separator '${separator}'`)
  return { key: line.subarray(0, at), value: line.subarray(at + Buffer.byteLength(separator)) }
}
