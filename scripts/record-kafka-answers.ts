/**
 * Records how Apache Kafka answers the scripts of requests in test/broker/kafka-answers, each family by a broker of its own.
 *
 *   node scripts/record-kafka-answers.ts --libs FOLDER [--port PORT] [FAMILY...]
 *
 * FOLDER holds the jars of a Kafka release; java must be there. PORT and the one behind it are the listeners' (21092). Without
 * names all families are recorded.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { askAll } from '../test/broker/kafka-answers/asking.ts'
import { families } from '../test/broker/kafka-answers/families.ts'
import type { Family } from '../test/broker/kafka-answers/family.ts'
import { projectRoot } from './project.ts'

/** Kafka's broker learns from its controller a little later what a request has changed. */
const pauseMs = 150
const startMsMax = 60_000

const { values, positionals } = parseArgs({
  options: { libs: { type: 'string' }, port: { type: 'string', default: '21092' } },
  allowPositionals: true,
})
const { libs } = values
if (libs === undefined) {
  console.error('usage: record-kafka-answers.ts --libs FOLDER [--port PORT] [FAMILY...]')
  process.exit(2)
}
const port = Number(values.port)
for (const family of families) {
  if (positionals.length > 0 && !positionals.includes(family.name)) continue
  await record(family, libs)
}

async function record(family: Family, libsFolder: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'kafka-answers-'))
  const kafka = startKafka(family, libsFolder, folder)
  try {
    await untilItListens(kafka)
    const recorded = await askAll(family, { host: '127.0.0.1', port }, () => sleep(pauseMs))
    const path = join(projectRoot, 'test/broker/kafka-answers', `${family.name}.json`)
    writeFileSync(path, `[\n${recorded.map((answer) => JSON.stringify(answer)).join(',\n')}\n]\n`)
    console.log(`${family.name}: ${recorded.length} answers`)
  } finally {
    kafka.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

function startKafka(family: Family, libsFolder: string, folder: string): ChildProcess {
  const listeners = `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1}`
  const configs = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${port + 1}`,
    'controller.listener.names': 'CONTROLLER',
    listeners,
    'log.dirs': join(folder, 'data'),
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '5',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '5',
    'group.initial.rebalance.delay.ms': '0',
    ...family.configs,
  }
  const path = join(folder, 'server.properties')
  mkdirSync(join(folder, 'data'))
  writeFileSync(
    path,
    Object.entries(configs)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  const classPath = `${libsFolder}/*`
  const format = ['kafka.tools.StorageTool', 'format', '--standalone', '-t', 'c2Fma2EtYW5zd2Vycy1rYQ', '-c', path]
  execFileSync('java', ['-cp', classPath, ...format], { stdio: 'ignore' })
  const log = openSync(join(folder, 'log'), 'w')
  return spawn('java', ['-Xmx512m', '-cp', classPath, 'kafka.Kafka', path], { stdio: ['ignore', log, log] })
}

async function untilItListens(kafka: ChildProcess): Promise<void> {
  for (const start = performance.now(); performance.now() - start < startMsMax; ) {
    if (kafka.exitCode !== null) throw new Error(`Kafka ended with ${kafka.exitCode}`)
    const isListening = await new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port }, () => {
        socket.destroy()
        resolve(true)
      })
      socket.on('error', () => resolve(false))
    })
    if (isListening) return sleep(2_000)
    await sleep(100)
  }
  throw new Error('Kafka did not listen in time')
}
