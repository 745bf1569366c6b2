/** The `safka` command as a process: its table of commands, exit codes and signals. */

import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { projectRoot } from '../../scripts/project.ts'
import { Admin } from '../../src/client/admin.ts'
import { KafkaClient } from '../../src/client/client.ts'
import { startTestBroker, type TestBroker, until } from '../broker/test-broker.ts'

type Context = { broker: TestBroker; client: KafkaClient; children: Set<ChildProcess> }
const test = suite<Context>('safka', {
  broker: undefined,
  client: undefined,
  children: new Set(),
} as unknown as Context)

test.before(async (context) => {
  context.broker = await startTestBroker({ owners: 0 })
  context.client = new KafkaClient({ brokers: [context.broker.address] })
})
test.after(async ({ broker, client, children }) => {
  for (const child of children) child.kill('SIGKILL')
  await client.close()
  await broker.close()
})

function safka({ broker, children }: Context, ...argv: string[]) {
  const child = spawn(process.execPath, [join(projectRoot, 'src/cli/main.ts'), ...argv], {
    env: { PATH: process.env.PATH ?? '', SAFKA_BROKER: broker.address },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  children.add(child)
  const run = {
    child,
    output: '',
    errors: '',
    ended: new Promise<number | null>((resolve) => child.once('close', resolve)),
  }
  child.stdout.on('data', (chunk: Buffer) => {
    run.output += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    run.errors += chunk.toString()
  })
  return run
}

test('help lists the commands; nonsense is one sentence and exit code 2', async (context) => {
  const help = safka(context, '--help')
  const bare = safka(context)
  const unknown = safka(context, 'frobnicate')
  const family = safka(context, 'topic', 'frobnicate')
  const usage = safka(context, 'consume', '--bogus')
  const version = safka(context, '--version')
  assert.equal(
    await Promise.all([help, bare, unknown, family, usage, version].map(({ ended }) => ended)),
    [0, 2, 2, 2, 2, 0],
  )
  for (const name of ['start', 'topic create', 'produce', 'consume', 'group describe']) {
    assert.match(help.output, `safka ${name} `)
  }
  assert.match(bare.errors, 'safka start')
  assert.is(unknown.errors, "safka: there is no command 'frobnicate' (see 'safka --help')\n")
  assert.is(family.errors, "safka: there is no command 'topic frobnicate' (see 'safka --help')\n")
  assert.match(usage.errors, /^safka consume: Unknown option '--bogus'.*\(see 'safka consume --help'\)\n$/s)
  assert.match(version.output, /^safka \d+\.\d+\.\d+/)
})

test('no broker is one sentence and exit code 1', async (context) => {
  const run = safka(context, 'topic', 'list', '--broker', '127.0.0.1:1')
  assert.is(await run.ended, 1)
  assert.match(run.errors, /^safka topic list: cannot connect to 127\.0\.0\.1:1: [^\n]*\n$/)
})

test('an interrupt ends consume cleanly: what was printed is committed', async (context) => {
  const { client } = context
  await new Admin(client).createTopic({ name: 'interrupted', partitions: 1 })
  const producing = safka(context, 'produce', 'interrupted')
  producing.child.stdin.end('1\n2\n3\n')
  assert.is(await producing.ended, 0, producing.errors)
  const run = safka(context, 'consume', 'interrupted', '--group', 'patient')
  await until('three lines are printed', () => run.output === '1\n2\n3\n')
  run.child.kill('SIGINT')
  assert.is(await run.ended, 0, run.errors)
  const offsets = await new Admin(client).groupOffsets('patient')
  assert.is(
    offsets.reduce((sum, { committedOffset }) => sum + committedOffset, 0),
    3,
  )
})

test('an interrupt ends produce, although no line comes any more', async (context) => {
  const run = safka(context, 'produce', 'waiting')
  run.child.stdin.write('1\n')
  const admin = new Admin(context.client)
  const isThere = async () =>
    (await admin.describeTopic('waiting').catch(() => [])).some(({ endOffset }) => endOffset > 0)
  await until('the line has arrived', isThere)
  run.child.kill('SIGINT')
  assert.is(await run.ended, 0, run.errors)
})

test('a reader that has gone is no error', async (context) => {
  const producing = safka(context, 'produce', 'piped')
  producing.child.stdin.end('x'.repeat(1_000).concat('\n').repeat(2_000))
  await producing.ended
  const run = safka(context, 'consume', 'piped', '--exit-at-end')
  run.child.stdout.once('data', () => run.child.stdout.destroy())
  assert.is(await run.ended, 0, run.errors)
})

test.run()
