/** `safka start` says where it answers, stops cleanly, and refuses what cannot work in one sentence. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { projectRoot } from '../../scripts/project.ts'
import { readyLine } from '../../src/cli/start.ts'

const main = join(projectRoot, 'src/cli/main.ts')
const test = suite('safka start', { data: '' })
const children = new Set<ChildProcess>()

test.before.each((context) => {
  context.data = mkdtempSync(join(tmpdir(), 'safka-start-'))
})
test.after.each((context) => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
  rmSync(context.data, { recursive: true, force: true })
})

type Run = {
  child: ChildProcess
  output: () => string
  errors: () => string
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

function start(argv: readonly string[], environment: Readonly<Record<string, string>> = {}): Run {
  const child = spawn(process.execPath, [main, 'start', ...argv], {
    env: { PATH: process.env.PATH ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.add(child)
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  return {
    child,
    output: () => output,
    errors: () => errors,
    ended: new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal }))),
  }
}

/** The port that the ready line names. */
function ready(run: Run): Promise<number> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const port = /answers on \S+:(\d+)/.exec(run.output())?.[1]
      if (port !== undefined) resolve(Number(port))
    }
    run.child.stdout?.on('data', look)
    run.ended.then(({ code }) => reject(new Error(`ended with ${code}: ${run.errors()}`)))
    look()
  })
}

function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.once('error', reject)
  })
}

const local = (data: string): string[] => ['--host', '127.0.0.1', '--port', '0', '--data', data, '--owners', '1']

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`says in one line where it answers, and ${signal} stops it cleanly although a client is connected`, async ({
    data,
  }) => {
    const run = start(local(data))
    const port = await ready(run)
    assert.is(run.output(), `safka answers on 127.0.0.1:${port}\n`)
    const socket = await dial(port)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.resume()
    run.child.kill(signal)
    assert.equal(await run.ended, { code: 0, signal: null })
    await closed
  })
}

test('flags may come from the environment and from a file', async ({ data }) => {
  const file = join(data, 'server.properties')
  writeFileSync(file, `log.dirs=${join(data, 'log')}\nnothing.known=1\n`)
  const run = start([], { SAFKA_HOST: '127.0.0.1', SAFKA_PORT: '0', SAFKA_CONFIG: file })
  await ready(run)
  assert.match(run.errors(), /warn +unknown settings in .*server\.properties are ignored: nothing\.known/)
  run.child.kill('SIGTERM')
  assert.is((await run.ended).code, 0)
})

test('a port in use is said in one sentence, with exit code 1', async ({ data }) => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const run = start(['--host', '127.0.0.1', '--port', String(port), '--data', data])
  assert.is((await run.ended).code, 1)
  server.close()
  assert.match(run.errors(), new RegExp(`^safka start: [^\\n]*${port}[^\\n]*in use[^\\n]*\\n$`))
})

test('a folder that cannot be written is said in one sentence, with exit code 1', async ({ data }) => {
  const file = join(data, 'file')
  writeFileSync(file, '')
  const run = start(['--port', '0', '--data', join(file, 'below')])
  assert.is((await run.ended).code, 1)
  assert.match(run.errors(), /^safka start: the data folder [^\n]*cannot be used[^\n]*\n$/)
})

test('a folder in a place that takes no folders is said in one sentence, and at once', async () => {
  const run = start(['--port', '0', '--data', '/proc/safka/data'])
  assert.is((await run.ended).code, 1)
  assert.match(run.errors(), /^safka start: the data folder [^\n]*cannot be used[^\n]*\n$/)
})

test('a bad flag is said in one sentence, with exit code 2', async () => {
  const run = start(['--prot', '9000'])
  assert.is((await run.ended).code, 2)
  assert.match(run.errors(), /^safka start: there is no flag --prot; --help lists them\n$/)
})

test('--help explains and starts nothing', async () => {
  const run = start(['--help'])
  assert.is((await run.ended).code, 0)
  assert.match(run.output(), /--ring-memory-bytes-max SIZE +\(SAFKA_RING_MEMORY_BYTES_MAX/)
})

test('the ready line names the addresses that clients use', () => {
  const plain = { listener: 'PLAINTEXT', host: '0.0.0.0', port: 9000 }
  assert.is(readyLine([plain]), 'safka answers on localhost:9000 (and on every interface)')
  const outside = { listener: 'OUTSIDE', host: '::1', port: 9001, advertised: { host: 'kafka.example', port: 19_001 } }
  assert.is(readyLine([outside]), 'safka answers on kafka.example:19001')
  const inside = { listener: 'INSIDE', host: '::1', port: 9002 }
  assert.is(readyLine([outside, inside]), 'safka answers on OUTSIDE kafka.example:19001, INSIDE [::1]:9002')
})

test.run()
