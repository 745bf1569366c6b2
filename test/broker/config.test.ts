/** Settings resolve to one configuration, and bad ones to one clear sentence. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ConfigInputs, configWith, resolveConfig } from '../../src/broker/config.ts'
import { ConfigError } from '../../src/broker/config-error.ts'
import { helpText } from '../../src/broker/config-help.ts'
import { environmentName, settings } from '../../src/broker/settings.ts'

type Given = {
  argv?: readonly string[]
  environment?: Readonly<Record<string, string>>
  files?: Readonly<Record<string, string>>
  cores?: number
}

function inputsOf({ argv = [], environment = {}, files = {}, cores = 4 }: Given): ConfigInputs {
  const readText = (path: string): string => {
    const text = files[path]
    if (text === undefined) throw Object.assign(new Error('missing'), { code: 'ENOENT' })
    return text
  }
  return { argv, environment, readText, cores, workingDirectory: '/srv' }
}

const configOf = (given: Given) => resolveConfig(inputsOf(given)).config

const standardAuthorizer = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'

function refusal(given: Given): string {
  try {
    resolveConfig(inputsOf(given))
  } catch (thrown) {
    assert.instance(thrown, ConfigError)
    if (thrown instanceof ConfigError) return thrown.message
  }
  throw new Error('the settings were taken')
}

test('told nothing, a broker listens on every interface at port 9000 and keeps records in a local folder', () => {
  const config = configOf({})
  assert.equal(config.listeners, [{ name: 'PLAINTEXT', host: '0.0.0.0', port: 9000 }])
  assert.is(config.storage, 'local')
  assert.is(config.dataDirectory, '/srv/data')
  assert.is(config.fronts, 1)
  assert.is(config.partitions, 1)
  assert.is(config.requestBytesMax, 104_857_600)
  assert.is(config.groupInitialRebalanceDelayMs, 0)
  assert.ok(Object.isFrozen(config))
})

test('owners default to one core less than there are, and to one at least', () => {
  assert.is(configOf({ cores: 8 }).owners, 7)
  assert.is(configOf({ cores: 2 }).owners, 1)
  assert.is(configOf({ cores: 1 }).owners, 1)
  assert.is(configOf({ argv: ['--owners', '0'] }).owners, 0)
})

test('flags win over the environment, which wins over the file, which wins over defaults', () => {
  const files = { 'server.properties': 'num.partitions=3\nnode.id=7\nsafka.fronts=2\n' }
  const environment = { SAFKA_PARTITIONS: '4', SAFKA_NODE_ID: '8', SAFKA_CONFIG: 'server.properties' }
  const config = configOf({ argv: ['--partitions', '5'], environment, files })
  assert.is(config.partitions, 5)
  assert.is(config.nodeId, 8)
  assert.is(config.fronts, 2)
  assert.is(config.parkedFetchesMax, 20_000)
})

test('every flag can be given with = and as an environment variable, and the help explains it', () => {
  const help = helpText()
  for (const { flag } of settings) {
    assert.ok(help.includes(`--${flag} `), flag)
    assert.ok(help.includes(environmentName(flag)), environmentName(flag))
  }
  assert.is(configOf({ argv: ['--port=9100'] }).listeners[0]?.port, 9100)
  assert.is(configOf({ environment: { SAFKA_PORT: '9101' } }).listeners[0]?.port, 9101)
  assert.is(configOf({ environment: { SAFKA_DATA: '/data' } }).dataDirectory, '/data')
  assert.is(configOf({ argv: ['--auto-create-topics=false'] }).autoCreateTopics, false)
  assert.is(configOf({ argv: ['--auto-create-topics', '--port', '1'] }).autoCreateTopics, true)
})

test('sizes take units', () => {
  assert.is(configOf({ argv: ['--ring-bytes-max', '32MiB'] }).ringBytesMax, 33_554_432)
  assert.is(configOf({ argv: ['--memory-bytes-max', '2 GiB'] }).memoryBytesMax, 2_147_483_648)
  assert.is(configOf({ argv: ['--ring-bytes', '64KiB'] }).kafka.get('safka.ring.bytes'), '65536')
})

test('several listeners have a port and an advertised address each', () => {
  const { listeners } = configOf({
    argv: [
      '--listeners',
      'PLAINTEXT://0.0.0.0:9000,internal://:9001',
      '--advertised-listeners',
      'PLAINTEXT://broker.example:19000,INTERNAL://[::1]:9001',
    ],
  })
  assert.equal(listeners, [
    { name: 'PLAINTEXT', host: '0.0.0.0', port: 9000, advertised: { host: 'broker.example', port: 19_000 } },
    { name: 'INTERNAL', host: '0.0.0.0', port: 9001, advertised: { host: '::1', port: 9001 } },
  ])
})

test('the short form advertises the first listener, with its own port where none is given', () => {
  const first = (environment: Record<string, string>) => configOf({ environment }).listeners[0]
  assert.equal(first({ SAFKA_ADVERTISED: 'kafka.example:9092' })?.advertised, { host: 'kafka.example', port: 9092 })
  assert.equal(first({ SAFKA_ADVERTISED: 'kafka.example' })?.advertised, { host: 'kafka.example', port: 9000 })
})

test('a port given as a flag replaces the listeners of the environment and the file', () => {
  const files = { f: 'listeners=A://:1,B://:2' }
  assert.is(configOf({ argv: ['--config', 'f'], files }).listeners.length, 2)
  const { listeners } = configOf({ argv: ['--config', 'f', '--port', '9005'], files })
  assert.equal(listeners, [{ name: 'PLAINTEXT', host: '0.0.0.0', port: 9005 }])
  assert.match(refusal({ argv: ['--listeners', 'A://:1', '--port', '2'] }), /either --listeners or --port/)
})

test('a properties file with Kafka’s names is read, and unknown names make one warning', () => {
  const files = {
    f: '# comment\nlog.dirs=/var/safka\nauto.create.topics.enable=false\nlog.retention.hours=24\nnonsense=1\nmore.nonsense=2\n',
  }
  const { config, warnings } = resolveConfig(inputsOf({ argv: ['--config', 'f'], files }))
  assert.is(config.dataDirectory, '/var/safka')
  assert.is(config.autoCreateTopics, false)
  assert.is(config.kafka.get('log.retention.hours'), '24')
  assert.equal(warnings, ['unknown settings in f are ignored: nonsense, more.nonsense'])
})

test('Kafka’s older names count, and its newer names win over them', () => {
  assert.is(configOf({ argv: ['--config', 'f'], files: { f: 'log.dir=/a\nbroker.id=3' } }).dataDirectory, '/a')
  const both = configOf({ argv: ['--config', 'f'], files: { f: 'log.dirs=/b\nlog.dir=/a\nbroker.id=3' } })
  assert.is(both.dataDirectory, '/b')
  assert.is(both.nodeId, 3)
})

test('any of Kafka’s broker configs can be set by hand', () => {
  const { kafka, partitions } = configOf({ argv: ['--set', 'message.max.bytes=2000000', '--set', 'num.partitions=6'] })
  assert.is(kafka.get('message.max.bytes'), '2000000')
  assert.is(partitions, 6)
  const { kafka: set } = configOf({ environment: { SAFKA_SET: 'log.roll.ms=5; log.preallocate=true' } })
  assert.is(set.get('log.roll.ms'), '5')
  assert.is(set.get('log.preallocate'), 'true')
})

test('an authorizer is taken where everyone may do everything', () => {
  for (const allowing of ['allow.everyone.if.no.acl.found=true', 'super.users=User:a; User:ANONYMOUS']) {
    const { kafka } = configOf({ argv: ['--set', `authorizer.class.name=${standardAuthorizer}`, '--set', allowing] })
    assert.is(kafka.get('authorizer.class.name'), standardAuthorizer)
  }
})

test('what holds for all consumer groups must be within the bounds for one', () => {
  const startWith = (setting: string) => configOf({ argv: ['--set', setting] })
  assert.throws(
    () => startWith('group.consumer.heartbeat.interval.ms=4999'),
    'group.consumer.min.heartbeat.interval.ms',
  )
  assert.throws(() => startWith('group.consumer.session.timeout.ms=60001'), 'group.consumer.max.session.timeout.ms')
  assert.throws(() => startWith('group.consumer.min.session.timeout.ms=60001'), 'must be greater than or equal to')
  startWith('group.consumer.session.timeout.ms=60000')
})

test('the static configs tell what differs from Kafka, under Kafka’s names', () => {
  const { kafka } = configOf({ argv: ['--storage', 'ring', '--partitions', '2'] })
  assert.is(kafka.get('group.initial.rebalance.delay.ms'), '0')
  assert.is(kafka.get('safka.storage'), 'ring')
  assert.is(kafka.get('num.partitions'), '2')
  assert.is(kafka.get('listeners'), 'PLAINTEXT://0.0.0.0:9000')
})

test('an unknown SAFKA_ variable is named in a warning', () => {
  const { warnings } = resolveConfig(
    inputsOf({ environment: { SAFKA_PROT: '1', SAFKA_TEST_BUDGET_MS: '1', HOME: '/' } }),
  )
  assert.equal(warnings, ['unknown environment variables are ignored: SAFKA_PROT'])
})

test('an embedded broker’s changes show in its static configs', () => {
  const config = configWith({ storage: 'memory', partitions: 3, kafka: new Map([['log.roll.ms', '9']]) })
  assert.is(config.kafka.get('safka.storage'), 'memory')
  assert.is(config.kafka.get('num.partitions'), '3')
  assert.is(config.kafka.get('log.roll.ms'), '9')
})

const refused: readonly [string, Given, RegExp][] = [
  ['an unknown flag', { argv: ['--prot', '9000'] }, /no flag --prot/],
  ['a stray word', { argv: ['9000'] }, /"9000" is not a flag/],
  ['a flag without its value', { argv: ['--port'] }, /--port needs a value/],
  ['a flag followed by a flag', { argv: ['--port', '--owners', '1'] }, /--port needs a value/],
  ['a port that is none', { argv: ['--port', '70000'] }, /--port must be a whole number from 0 to 65535, not "70000"/],
  ['a word for a number', { environment: { SAFKA_OWNERS: 'many' } }, /SAFKA_OWNERS must be a whole number/],
  ['a negative number', { argv: ['--owners', '-1'] }, /--owners must be a whole number/],
  ['an unknown unit', { argv: ['--ring-bytes-max', '5MB'] }, /--ring-bytes-max must be .* bytes, not "5MB"/],
  ['an unknown storage', { argv: ['--storage', 's3'] }, /--storage must be one of local, memory, ring, not "s3"/],
  ['a wrong boolean', { environment: { SAFKA_AUTO_CREATE_TOPICS: 'yes' } }, /must be true or false/],
  ['a missing file', { argv: ['--config', 'gone'] }, /config file gone cannot be read: there is no such file/],
  [
    'a bad value in a file',
    { argv: ['--config', 'f'], files: { f: 'num.partitions=x' } },
    /num\.partitions in f must be/,
  ],
  [
    'a bad Kafka config in a file',
    { argv: ['--config', 'f'], files: { f: 'log.roll.ms=x' } },
    /log\.roll\.ms.* \(in f\)/,
  ],
  ['an unknown --set', { argv: ['--set', 'a=b'] }, /not one of Kafka's broker configs/],
  ['a --set without a value', { argv: ['--set', 'log.roll.ms'] }, /needs name=value/],
  ['two folders', { argv: ['--data', '/a,/b'] }, /only one is supported/],
  ['a listener without a port', { argv: ['--listeners', 'A://host'] }, /not host:port/],
  ['a listener without a name', { argv: ['--listeners', 'host:9000'] }, /NAME:\/\/host:port/],
  ['two listeners on a port', { argv: ['--listeners', 'A://:9000,B://:9000'] }, /same port 9000/],
  ['a listener twice', { argv: ['--listeners', 'A://:9000,a://:9001'] }, /names A twice/],
  ['a TLS listener', { argv: ['--listeners', 'SSL://:9000'] }, /asks for SSL/],
  [
    'a TLS listener by another name',
    { argv: ['--listeners', 'OUT://:9000', '--set', 'listener.security.protocol.map=OUT:SASL_SSL'] },
    /OUT asks for SASL_SSL/,
  ],
  ['an advertised stranger', { argv: ['--advertised-listeners', 'X://h:1'] }, /names X, which is not one of/],
  ['an advertised wildcard', { argv: ['--advertised', '0.0.0.0:9000'] }, /host that clients can reach/],
  ['both ways to advertise', { argv: ['--advertised', 'h:1', '--advertised-listeners', 'PLAINTEXT://h:1'] }, /either/],
  ['a request larger than what may be half received', { argv: ['--half-received-bytes-max', '1MiB'] }, /never arrive/],
  [
    'an authorizer of another class',
    { argv: ['--set', 'authorizer.class.name=example.Own', '--set', 'super.users=User:ANONYMOUS'] },
    /must be org\.apache\.kafka\.metadata\.authorizer\.StandardAuthorizer/,
  ],
  [
    'an authorizer that may refuse somebody',
    { argv: ['--set', `authorizer.class.name=${standardAuthorizer}`, '--set', 'super.users=User:a;User:b'] },
    /not enforced yet/,
  ],
  ['a ring larger than all rings', { argv: ['--ring-bytes-max', '1GiB'] }, /at least ring-bytes-max/],
]

for (const [what, given, expected] of refused) {
  test(`${what} is refused in one sentence`, () => {
    const message = refusal(given)
    assert.match(message, expected)
    assert.not.match(message, /\n/)
  })
}

test('a codec that does not exist is refused for the offsets', () => {
  const withCodec = (codec: string) => () =>
    configWith({ kafka: new Map([['offsets.topic.compression.codec', codec]]) })
  withCodec('4')()
  assert.throws(withCodec('5'), /offsets\.topic\.compression\.codec must be a codec's number from 0 to 4, not 5/)
  assert.throws(withCodec('-1'), /not -1/)
})

test.run()
