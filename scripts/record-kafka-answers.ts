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
import { commonConfigs, type Family } from '../test/broker/kafka-answers/family.ts'
import { projectRoot } from './project.ts'

/** Kafka's broker learns from its controller a little later what a request has changed. */
const pauseMs = 200
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
    await untilItCoordinates()
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
    ...commonConfigs,
    ...(family.takesTelemetry === true ? { 'metric.reporters': 'Receiver' } : {}),
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
  const classPath =
    family.takesTelemetry === true ? `${libsFolder}/*:${compileReceiver(libsFolder, folder)}` : `${libsFolder}/*`
  const format = ['kafka.tools.StorageTool', 'format', '--standalone', '-t', 'c2Fma2EtYW5zd2Vycy1rYQ', '-c', path]
  execFileSync('java', ['-cp', classPath, ...format], { stdio: 'ignore' })
  const log = openSync(join(folder, 'log'), 'w')
  return spawn('java', ['-Xmx512m', '-cp', classPath, 'kafka.Kafka', path], { stdio: ['ignore', log, log] })
}

/** Kafka creates its coordinators' topics when it is first asked for them, and answers with errors meanwhile. */
async function untilItCoordinates(): Promise<void> {
  const steps = [
    { label: 'groups', api: 10, versions: [1], request: { key: 'any', keyType: 0 } },
    { label: 'transactions', api: 10, versions: [1], request: { key: 'any', keyType: 1 } },
    { label: 'producer ids', api: 22, versions: [0], request: { transactionalId: 'any', transactionTimeoutMs: 1_000 } },
    { label: 'offsets', api: 9, versions: [1], request: { groupId: 'any', topics: [] } },
  ]
  for (const start = performance.now(); performance.now() - start < startMsMax; await sleep(200)) {
    const answers = await askAll({ name: 'start', steps }, { host: '127.0.0.1', port })
    const codes = answers.map(({ answer }) => new Map(Object.entries(Object(answer))).get('errorCode') ?? 0)
    if (codes.every((code) => code === 0)) return
  }
  throw new Error('Kafka has no coordinators in time')
}

/** A plugin that takes clients' metrics and does nothing with them: without one Kafka does not offer the API. Answers its folder. */
function compileReceiver(libsFolder: string, folder: string): string {
  const source = `
    import java.util.List;
    import java.util.Map;
    import org.apache.kafka.common.metrics.KafkaMetric;
    import org.apache.kafka.common.metrics.MetricsReporter;
    import org.apache.kafka.server.telemetry.ClientTelemetry;
    import org.apache.kafka.server.telemetry.ClientTelemetryReceiver;
    public class Receiver implements MetricsReporter, ClientTelemetry {
      public ClientTelemetryReceiver clientReceiver() { return (context, payload) -> {}; }
      public void init(List<KafkaMetric> metrics) {}
      public void metricChange(KafkaMetric metric) {}
      public void metricRemoval(KafkaMetric metric) {}
      public void configure(Map<String, ?> configs) {}
      public void close() {}
    }`
  const path = join(folder, 'Receiver.java')
  writeFileSync(path, source)
  execFileSync('javac', ['-nowarn', '-Xlint:none', '-cp', `${libsFolder}/*`, '-d', folder, path], { stdio: 'inherit' })
  return folder
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
    if (isListening) return
    await sleep(100)
  }
  throw new Error('Kafka did not listen in time')
}
