/** Every command against a whole broker: what it prints, and what it answers when it cannot. */

import { Readable } from 'node:stream'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Command, Terminal } from '../../src/cli/command.ts'
import { consumeCommand } from '../../src/cli/consume.ts'
import { groupDescribeCommand } from '../../src/cli/group-describe.ts'
import { groupListCommand } from '../../src/cli/group-list.ts'
import { produceCommand } from '../../src/cli/produce.ts'
import { topicCreateCommand } from '../../src/cli/topic-create.ts'
import { topicDeleteCommand } from '../../src/cli/topic-delete.ts'
import { topicDescribeCommand } from '../../src/cli/topic-describe.ts'
import { topicListCommand } from '../../src/cli/topic-list.ts'
import { startTestBroker, type TestBroker } from '../broker/test-broker.ts'

const test = suite('safka commands', { broker: undefined as unknown as TestBroker })

test.before(async (context) => {
  context.broker = await startTestBroker({ owners: 0 })
})
test.after((context) => context.broker.close())

type Ran = { readonly code: number; readonly output: string; readonly errors: string }

async function run(broker: TestBroker, command: Command, argv: readonly string[], input: string[] = []): Promise<Ran> {
  let output = ''
  let errors = ''
  const terminal: Terminal = {
    write: async (text) => {
      output += text.toString()
    },
    warn: (text) => {
      errors += text
    },
    input: Readable.from(input.map((text) => Buffer.from(text))),
    isErrorTty: false,
    environment: { SAFKA_BROKER: broker.address },
    onInterrupt: () => {},
  }
  const code = await command.run(argv, terminal)
  return { code, output, errors }
}
const problem = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (reason) => reason.message,
  )

test('a topic is made, listed, described and deleted', async ({ broker }) => {
  const created = await run(broker, topicCreateCommand, [
    'orders',
    '--partitions',
    '3',
    '--config',
    'retention.ms=60000',
  ])
  assert.equal(created, { code: 0, output: 'created topic orders with 3 partitions\n', errors: '' })
  assert.match(await problem(run(broker, topicCreateCommand, ['orders'])), "Topic 'orders' already exists.")
  assert.match((await run(broker, topicCreateCommand, ['orders', '--if-missing'])).output, 'is there already')
  assert.match((await run(broker, topicListCommand, [])).output, /orders +3\n/)
  assert.match((await run(broker, topicListCommand, ['--all'])).output, '__consumer_offsets')
  const described = (await run(broker, topicDescribeCommand, ['orders'])).output
  assert.match(described, 'storage     local')
  assert.match(described, 'config      retention.ms=60000')
  assert.match(described, /PARTITION {2}LEADER {2}START {2}END {2}RECORDS {2}BYTES {2}SEGMENTS/)
  assert.match((await run(broker, topicDeleteCommand, ['orders'])).output, 'deleted topic orders')
  assert.is(await problem(run(broker, topicDescribeCommand, ['orders'])), "there is no topic 'orders'")
})

test('lines go to the partitions in turn, exactly, and come back', async ({ broker }) => {
  await run(broker, topicCreateCommand, ['lines', '--partitions', '4'])
  const text = Array.from({ length: 1_002 }, (_, index) => `line ${index}\n`).join('')
  // Cut anywhere: lines need not end where chunks do.
  const chunks = text.match(/[\s\S]{1,97}/g) ?? []
  const produced = await run(broker, produceCommand, ['lines', '--progress', '--compression', 'gzip'], chunks)
  assert.match(produced.errors, /sent 1,002 records/)
  const described: { partitions: { endOffset: number }[] } = JSON.parse(
    (await run(broker, topicDescribeCommand, ['lines', '--json'])).output,
  )
  assert.equal(
    described.partitions.map(({ endOffset }) => endOffset),
    [251, 251, 250, 250],
  )
  const { output } = await run(broker, consumeCommand, ['lines', '--exit-at-end'])
  assert.equal(output.trimEnd().split('\n').sort(), text.trimEnd().split('\n').sort())
})

test('keys are cut off at the separator, and shown again on demand', async ({ broker }) => {
  await run(broker, topicCreateCommand, ['keyed', '--partitions', '1'])
  await run(broker, produceCommand, ['keyed', '--key-separator', '::'], ['a::1\nb::2\n', 'a::3::4'])
  const plain = await run(broker, consumeCommand, ['keyed', '--exit-at-end', '--key-separator', '='])
  assert.is(plain.output, 'a=1\nb=2\na=3::4\n')
  const json = await run(broker, consumeCommand, ['keyed', '--max', '1', '--json'])
  const record = JSON.parse(json.output)
  assert.equal([record.topic, record.offset, record.key, record.value, record.headers], ['keyed', 0, 'a', '1', []])
  const bad = problem(run(broker, produceCommand, ['keyed', '--key-separator', ','], ['a,1\nno separator\n']))
  assert.match(await bad, "line 2 has no separator ','")
})

test('a group reads on where it stopped, also after --max', async ({ broker }) => {
  await run(broker, topicCreateCommand, ['read-on', '--partitions', '1'])
  await run(broker, produceCommand, ['read-on'], ['1\n2\n3\n4\n5\n'])
  const read = (...more: string[]) => run(broker, consumeCommand, ['read-on', '--group', 'readers', ...more])
  assert.is((await read('--max', '2')).output, '1\n2\n')
  assert.match((await run(broker, groupDescribeCommand, ['readers'])).output, /read-on +0 +2 +5 +3\n/)
  assert.is((await read('--exit-at-end')).output, '3\n4\n5\n')
  assert.is((await read('--exit-at-end')).output, '')
  assert.match((await run(broker, groupListCommand, [])).output, /readers +Empty +classic +consumer/)
  const group = JSON.parse((await run(broker, groupDescribeCommand, ['readers', '--json'])).output)
  assert.equal([group.state, group.offsets[0].lag], ['Empty', 0])
})

test('a ring topic shows capacity, head, tail and wraps', async ({ broker }) => {
  await run(broker, topicCreateCommand, ['circle', '--partitions', '1', '--storage', 'ring', '--ring-bytes', '65536'])
  const line = `${'x'.repeat(999)}\n`
  await run(
    broker,
    produceCommand,
    ['circle', '--batch-bytes', '4000'],
    Array.from({ length: 300 }, () => line),
  )
  const described = (await run(broker, topicDescribeCommand, ['circle'])).output
  assert.match(described, /CAPACITY +HEAD +TAIL +WRAPS/)
  const facts = JSON.parse((await run(broker, topicDescribeCommand, ['circle', '--json'])).output).partitions[0]
  assert.is(facts.ringBytes, 65_536)
  assert.ok(facts.ringWraps >= 3, `${facts.ringWraps} wraps`)
  assert.ok(facts.ringTail > facts.ringHead && facts.ringTail - facts.ringHead <= 65_536)
  assert.ok(facts.startOffset > 0, 'the oldest records are gone')
  assert.is(facts.endOffset, 300)
})

test('help has examples, and nonsense is refused in one sentence', async ({ broker }) => {
  const all = [
    topicCreateCommand,
    topicListCommand,
    topicDescribeCommand,
    topicDeleteCommand,
    produceCommand,
    consumeCommand,
  ]
  for (const command of [...all, groupListCommand, groupDescribeCommand]) {
    const { code, output } = await run(broker, command, ['--help'])
    assert.is(code, 0)
    assert.match(output, `safka ${command.name}`)
    assert.match(output, 'Examples:')
    assert.match(await problem(run(broker, command, ['--bogus'])), "Unknown option '--bogus'")
  }
  const refused: [Command, string[], RegExp][] = [
    [topicCreateCommand, [], /name the topic/],
    [topicCreateCommand, ['a', 'b'], /only one topic/],
    [topicCreateCommand, ['a', '--partitions', '0'], /--partitions wants a whole number of at least 1/],
    [topicCreateCommand, ['a', '--storage', 'tape'], /--storage is one of local, memory, ring/],
    [topicCreateCommand, ['a', '--config', 'x'], /--config wants NAME=VALUE/],
    [topicCreateCommand, ['a', '--config', 'x=1'], /Unknown topic config name: x/],
    [consumeCommand, ['a', '--group', 'g', '--partition', '0'], /do not go together/],
    [consumeCommand, ['missing', '--exit-at-end'], /there is no topic 'missing'/],
    [produceCommand, ['a', '--idempotent', '--acks', '0'], /--idempotent needs --acks all/],
    [produceCommand, ['a', '--file', '/no/such/file'], /ENOENT/],
    [groupDescribeCommand, ['missing'], /group 'missing'/],
  ]
  for (const [command, argv, expected] of refused) {
    assert.match(await problem(run(broker, command, argv)), expected, argv.join(' '))
  }
})

test.run()
