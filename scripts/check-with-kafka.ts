/**
 * Lets a broker write a sample of everything, stops it, kills it, recovers it, and has Apache Kafka's own DumpLogSegments read the
 * folder that is left. Needs Java and Kafka's jars; ends with exit code 1 where the tool finds fault.
 *
 *   node scripts/check-with-kafka.ts --tool COMMAND
 *
 * COMMAND runs a class of Kafka's, as bin/kafka-run-class.sh of Kafka's release does. `--folder DIR` checks a folder that is
 * there instead, of a broker that has stopped; `--keep` leaves the sample's folder behind.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Admin } from '../src/client/admin.ts'
import { KafkaClient } from '../src/client/client.ts'
import { compressionCodec, Producer } from '../src/client/producer.ts'
import { type BrokerProcess, startBrokerProcess } from './broker-process.ts'
import { dumpLogSegments } from './sample/dump-log-segments.ts'
import { type SampleProducer, SampleWriter } from './sample/writer.ts'

const text = { type: 'string' } as const
const flag = { type: 'boolean', default: false } as const
const { values } = parseArgs({ options: { tool: text, folder: text, keep: flag } })
const faultsShown = 20

/** Segments of the least size, so that many are rolled, and indexes with many entries. */
const bulk = {
  name: 'bulk',
  partitions: 2,
  configs: { 'segment.bytes': String(1024 * 1024), 'index.interval.bytes': '1024', 'retention.ms': '-1' },
}
const bulkRecords = 4_000
const bulkValue = Buffer.alloc(1_000, 'some text ')

async function writeBulk(address: string, isNew: boolean): Promise<void> {
  const client = new KafkaClient({ brokers: [address] })
  if (isNew) await new Admin(client).createTopic(bulk)
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const producer = new Producer({ client, compression, isIdempotent: true, batchBytes: 20_000 })
    const count = compressionCodec[compression] === 0 ? bulkRecords : bulkRecords / 10
    const sent = Array.from({ length: count }, () => producer.send({ topic: bulk.name, value: bulkValue }))
    await Promise.all(sent)
    await producer.close()
  }
  await client.close()
}

async function withBroker<Result>(
  folder: string,
  use: (address: string, broker: BrokerProcess) => Promise<Result>,
): Promise<Result> {
  const flags = ['--host', '127.0.0.1', '--port', '0', '--data', folder, '--log-level', 'warn']
  const broker = await startBrokerProcess({ flags })
  const result = await use(`${broker.host}:${broker.port}`, broker)
  await broker.stop()
  return result
}

async function withWriter<Result>(address: string, use: (writer: SampleWriter) => Promise<Result>): Promise<Result> {
  const writer = await SampleWriter.open(address)
  try {
    return await use(writer)
  } finally {
    await writer.close()
  }
}

/** Writes, restarts, writes, kills, recovers, and finishes what the kill left open. */
async function writeSample(folder: string): Promise<void> {
  const producer = await withBroker(folder, async (address) => {
    await writeBulk(address, true)
    return withWriter(address, (writer) => writer.write())
  })
  const patient = await withBroker(folder, async (address, broker): Promise<SampleProducer> => {
    const opened = await withWriter(address, async (writer) => {
      await writer.continueProducer(producer, 3)
      await writer.joinGroups()
      return writer.openTransactions()
    })
    await writeBulk(address, false)
    process.kill(broker.pid, 'SIGKILL')
    await broker.ended
    return opened
  })
  await withBroker(folder, async (address) => {
    await withWriter(address, (writer) => writer.finishTransaction(patient))
    await writeBulk(address, false)
  })
}

async function main(): Promise<number> {
  if (values.tool === undefined) {
    console.error('usage: node scripts/check-with-kafka.ts --tool COMMAND [--folder DIR] [--keep]')
    return 2
  }
  const folder = resolve(values.folder ?? mkdtempSync(join(tmpdir(), 'safka-check-')))
  try {
    if (values.folder === undefined) await writeSample(folder)
    const { files, batches, records, faults } = await dumpLogSegments(values.tool.split(' '), folder)
    for (const fault of faults.slice(0, faultsShown)) console.error(fault)
    const seen = `${files} files, ${batches} batches, ${records} records`
    console.log(`${faults.length === 0 ? 'sound' : `${faults.length} FAULTS`}: DumpLogSegments read ${seen}`)
    return faults.length === 0 ? 0 : 1
  } finally {
    if (values.folder === undefined && !values.keep) rmSync(folder, { recursive: true, force: true })
    else console.log(folder)
  }
}

process.exitCode = await main()
