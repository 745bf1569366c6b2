/** Two brokers never write into one folder, and a crashed one never keeps the next from starting. */

import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startBroker } from '../../src/broker/broker.ts'
import { configWith } from '../../src/broker/config.ts'
import { lockFolder } from '../../src/broker/folder-lock.ts'

const test = suite('folder lock', { folder: '' })

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'safka-lock-'))
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

const lockFile = (folder: string): string => join(folder, '.lock')

test('a folder is held once, and free again after its release', ({ folder }) => {
  const lock = lockFolder(folder)
  assert.throws(() => lockFolder(folder), /is in use: process \d+ runs a broker in it/)
  lock.release()
  assert.not(existsSync(lockFile(folder)))
  lockFolder(folder).release()
})

test('releasing twice does not free what another has taken since', ({ folder }) => {
  const first = lockFolder(folder)
  first.release()
  const second = lockFolder(folder)
  second.release()
  first.release()
  lockFolder(folder).release()
})

test('a folder that Apache Kafka has locked is in use, as long as the system says so', ({ folder }) => {
  // Kafka leaves its file empty, and holds the system's lock on it instead.
  writeFileSync(lockFile(folder), '')
  const { dev, ino } = statSync(lockFile(folder))
  const device = [Math.floor(dev / 256) % 4096, (dev % 256) + Math.floor(dev / 1_048_576) * 256]
  const place = `${device.map((number) => number.toString(16).padStart(2, '0')).join(':')}:${ino}`
  const locks = `1: FLOCK  ADVISORY  WRITE 7 00:01:1 0 EOF\n2: POSIX  ADVISORY  WRITE 4711 ${place} 0 EOF\n`
  assert.throws(() => lockFolder(folder, locks), /is in use: process 4711 has locked it, as Apache Kafka does/)
  assert.is(readFileSync(lockFile(folder), 'utf8'), '', 'its file stays as it is')
  lockFolder(folder, '1: FLOCK  ADVISORY  WRITE 7 00:01:1 0 EOF\n').release()
})

test('a running process of another number keeps its folder', async ({ folder }) => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  writeFileSync(lockFile(folder), `${child.pid} ${boot}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`)
  assert.throws(() => lockFolder(folder), new RegExp(`process ${child.pid} runs`))
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGKILL')
  await ended
  lockFolder(folder).release()
})

for (const [what, text] of [
  ['of a process of the same number that was another', `${process.pid} another-boot/1`],
  ['of a process whose number lives on in another', `${process.ppid} another-boot/1`],
  ['that was torn', ''],
  ['that holds nonsense', 'nonsense'],
] as const) {
  test(`a lock ${what} is taken over`, ({ folder }) => {
    writeFileSync(lockFile(folder), text)
    lockFolder(folder).release()
  })
}

test('a second broker in the same folder is refused, and the first one’s end frees it', async ({ folder }) => {
  const config = configWith({
    owners: 0,
    dataDirectory: folder,
    memoryBytesMax: 1024 * 1024,
    listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 0 }],
  })
  const first = await startBroker(config)
  try {
    await startBroker(config)
    assert.unreachable('the second broker started')
  } catch (thrown) {
    assert.match(String(thrown), /is in use/)
  }
  await first.stop()
  const next = await startBroker(config)
  await next.stop()
})

test.run()
