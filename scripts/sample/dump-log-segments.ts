/** Has Apache Kafka's DumpLogSegments read a data folder, and gathers what it finds fault with. */

import { spawn } from 'node:child_process'
import { filesBelow } from '../project.ts'

/** What the tool saw. */
export type DumpResult = {
  readonly files: number
  readonly batches: number
  readonly records: number
  faults: string[]
}

/** How a partition's records are to be read, by its topic. */
const decoders: readonly (readonly [string, string])[] = [
  ['__consumer_offsets-', '--offsets-decoder'],
  ['__transaction_state-', '--transaction-log-decoder'],
  ['__cluster_metadata-', '--cluster-metadata-decoder'],
]
const endings = ['.log', '.index', '.timeindex', '.txnindex', '.snapshot'] as const

/** The tool's words for what is not as it should be; the sample's records hold none of them. */
const faultPattern =
  /isvalid: false|mismatch|out of order|is followed by|exception|error|corrupt|could not|failed|unknown/i
/** It takes the first record of every segment but a log's first for one that follows offset -1, in Kafka's own folders too. */
const firstOfSegment = /^ *-1 is followed by/

/**
 * Reads every file below `folder` in all the ways that fit it. `tool` is a command that runs a class of Kafka's, as
 * bin/kafka-run-class.sh does.
 */
export async function dumpLogSegments(tool: readonly string[], folder: string): Promise<DumpResult> {
  const files = endings.flatMap((ending) => filesBelow('.', ending, folder)).filter((path) => path.includes('/'))
  const result = { files: files.length, batches: 0, records: 0, faults: [] as string[] }
  const rest = files.filter((path) => decoders.every(([prefix]) => !path.startsWith(prefix)))
  const runs = decoders.map(([prefix, flag]) => [files.filter((path) => path.startsWith(prefix)), flag] as const)
  for (const [group, flag] of [...runs, [rest, '--print-data-log'] as const]) {
    read(await run(tool, folder, group, ['--deep-iteration', flag]), result)
  }
  const indexes = files.filter((path) => path.endsWith('.index') || path.endsWith('.timeindex'))
  const sanity = await run(tool, folder, indexes, ['--index-sanity-check'])
  read(sanity, result)
  const passed = sanity.split('\n').filter((line) => /passed sanity check|is empty/.test(line)).length
  if (passed !== indexes.length) result.faults.push(`${passed} of ${indexes.length} indexes passed the sanity check`)
  return result
}

function read(output: string, result: { batches: number; records: number; faults: string[] }): void {
  for (const line of output.split('\n')) {
    if (line.startsWith('baseOffset: ')) result.batches++
    else if (line.startsWith('| offset: ')) result.records++
    if (faultPattern.test(line) && !firstOfSegment.test(line)) result.faults.push(line)
  }
}

/** What the tool says of some files; a tool that fails says so in it. */
function run(
  [command = '', ...before]: readonly string[],
  folder: string,
  files: readonly string[],
  flags: readonly string[],
): Promise<string> {
  if (files.length === 0) return Promise.resolve('')
  const tool = [...before, 'org.apache.kafka.tools.DumpLogSegments']
  const child = spawn(command, [...tool, ...flags, '--files', files.join(',')], { cwd: folder })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code === 0 ? output : `${output}\nthe tool failed with exit code ${code}\n`))
  })
}
