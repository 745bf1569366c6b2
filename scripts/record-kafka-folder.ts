/**
 * Has a real Apache Kafka write a sample of everything into its data folder, and keeps that folder, with what Kafka answered when
 * it was asked for all of it, as one file for the tests. The commands start it with an empty folder, start it again with the one
 * that is there, and stop it.
 *
 *   node scripts/record-kafka-folder.ts --address HOST:PORT --folder DATA_DIRECTORY --start COMMAND --again COMMAND
 *     --stop COMMAND --out test/golden/kafka-folder.json.gz
 *
 * Few partitions of the internal topics keep it small, and short segments of the metadata log show a log that begins with a snapshot:
 *   offsets.topic.num.partitions=5, transaction.state.log.num.partitions=3, metadata.log.max.record.bytes.between.snapshots=3000,
 *   internal.metadata.log.segment.bytes=12000, metadata.max.retention.bytes=2000, internal.metadata.delete.delay.millis=100
 */

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runCommand } from './project.ts'
import { readFacts, type SampleFacts } from './sample/facts.ts'
import { packFolder } from './sample/folder-archive.ts'
import { type SampleProducer, SampleWriter } from './sample/writer.ts'

/** What the tests know of the folder beside its files. */
export type RecordedFolder = {
  readonly recordedMs: number
  readonly sample: SampleFacts
  /** The idempotent producer, and the sequence that it goes on with. */
  readonly producer: SampleProducer & { readonly nextSequence: number }
  /** The producer of the open transaction that may still be finished. */
  readonly patient: SampleProducer
}

/** Kafka looks for segments of the metadata log to delete once a minute; two of its looks make sure. */
const metadataCleaningMs = 130_000

const options = { type: 'string' } as const
const { values } = parseArgs({
  options: { address: options, folder: options, start: options, again: options, stop: options, out: options },
})
const { address, folder, start, again, stop, out } = values
if (
  address === undefined ||
  folder === undefined ||
  start === undefined ||
  again === undefined ||
  stop === undefined ||
  out === undefined
) {
  console.error('usage: see the head of scripts/record-kafka-folder.ts')
  process.exit(2)
}

async function run(command: string): Promise<void> {
  if ((await runCommand('sh', ['-c', command])) !== 0) throw new Error(`failed: ${command}`)
}

async function withWriter<Result>(at: string, use: (writer: SampleWriter) => Promise<Result>): Promise<Result> {
  const writer = await SampleWriter.open(at)
  try {
    return await use(writer)
  } finally {
    await writer.close()
  }
}

await run(start)
const producer = await withWriter(address, (writer) => writer.write())
await new Promise((resolve) => setTimeout(resolve, metadataCleaningMs))
// The leaders' epochs rise with each start.
await run(stop)
await run(again)
const patient = await withWriter(address, async (writer) => {
  await writer.continueProducer(producer, 3)
  await writer.joinGroups()
  return writer.openTransactions()
})
const sample = await readFacts(address)
await run(stop)
const facts: RecordedFolder = { recordedMs: Date.now(), sample, producer: { ...producer, nextSequence: 6 }, patient }
const packed = packFolder(folder, facts, (name) => name.endsWith('.lock') || name.includes('.deleted'))
writeFileSync(out, packed)
console.log(`${out}: ${packed.length} bytes`)
