/**
 * Sends hostile batches to a Kafka broker and records its answers in test/golden/hostile-batches.jsonl, one a line: the
 * bytes sent, the error code, and of accepted ones where and how they were stored.
 * Usage: node scripts/record-hostile-batches.ts [host:port] [target file]
 */

import { createWriteStream } from 'node:fs'
import { systemClock } from '../src/base/clock.ts'
import { hostileCases, topicConfigs } from './hostile/cases.ts'
import { KafkaLine } from './hostile/kafka-line.ts'

const suffix = systemClock.nowMs().toString(36)
const target = createWriteStream(process.argv[3] ?? new URL('../test/golden/hostile-batches.jsonl', import.meta.url))
const line = new KafkaLine(process.argv[2] ?? '127.0.0.1:19092')
const nameOf = (topic: string): string => `hostile-${topic}-${suffix}`

await line.createTopics(Object.fromEntries(Object.entries(topicConfigs).map(([name, each]) => [nameOf(name), each])))
for (const hostile of hostileCases(systemClock.nowMs())) {
  const sentAtMs = systemClock.nowMs()
  const answer = await line.produce(nameOf(hostile.topic), hostile.bytes)
  const stored = answer.errorCode === 0 ? await line.fetchAt(nameOf(hostile.topic), answer.baseOffset) : null
  const entry = {
    topic: hostile.topic,
    name: hostile.name,
    errorCode: answer.errorCode,
    baseOffset: answer.baseOffset,
    logAppendTimeMs: answer.logAppendTimeMs,
    sentAtMs,
    bytes: hostile.bytes.toString('hex'),
    stored: stored?.toString('hex') ?? null,
  }
  target.write(`${JSON.stringify(entry)}\n`)
  const message = answer.errorMessage ?? answer.recordErrors[0]?.batchIndexErrorMessage ?? ''
  console.log(`${String(answer.errorCode).padStart(4)}  ${hostile.topic}: ${hostile.name}  ${message}`)
}
target.end()
line.close()
