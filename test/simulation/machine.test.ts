/** The simulated machine: what is synced stays, what is not may go, and nothing happens while nobody is rung for. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { seededRandom } from '../../src/base/random.ts'
import type { Disk } from '../../src/log/disk.ts'
import { readWhole, writeAll } from '../../src/log/disk.ts'
import { Bell } from '../../src/ring/bell.ts'
import { Machine } from './machine.ts'
import { Scheduler } from './scheduler.ts'

function machineOf(seed: number): { machine: Machine; scheduler: Scheduler } {
  const scheduler = new Scheduler(seededRandom(seed))
  return { machine: new Machine(scheduler, scheduler.random), scheduler }
}

function write(disk: Disk, path: string, bytes: Buffer, position = 0): void {
  const file = disk.open(path, 'write')
  writeAll(file, [bytes], position)
  file.close()
}

test('a kill loses nothing that was written, and the dead process writes no more', () => {
  const { machine } = machineOf(1)
  const disk = machine.open()
  write(disk, 'a', Buffer.from('written'))
  machine.kill()
  assert.is(readWhole(machine.open(), 'a')?.toString(), 'written')
  assert.throws(() => write(disk, 'a', Buffer.from('later')), /EIO/)
})

test('a power cut leaves what was synced, and of the rest a part', () => {
  const lengths = new Set<number>()
  for (let seed = 1; seed <= 200; seed++) {
    const { machine } = machineOf(seed)
    const disk = machine.open()
    const file = disk.open('a', 'write')
    writeAll(file, [Buffer.alloc(1000, 1)], 0)
    file.sync()
    disk.syncDirectory('')
    writeAll(file, [Buffer.alloc(1000, 2)], 1000)
    machine.cutPower(seed % 2 === 0 ? 'ordered' : 'wild')
    const left = readWhole(machine.open(), 'a') ?? Buffer.alloc(0)
    assert.ok(left.subarray(0, 1000).equals(Buffer.alloc(1000, 1)), 'what was synced is there')
    lengths.add(left.length)
  }
  assert.ok(lengths.has(1000) && lengths.has(2000) && lengths.size > 5, `${[...lengths]}`)
})

test('a name that was not synced may be lost in a power cut, an old one may come back', () => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 100; seed++) {
    const { machine } = machineOf(seed)
    const disk = machine.open()
    write(disk, 'old', Buffer.from('x'))
    disk.syncDirectory('')
    disk.rename('old', 'new')
    machine.cutPower('ordered')
    seen.add(machine.open().list('').sort().join(' '))
  }
  assert.equal([...seen].sort(), ['', 'new', 'old'])
})

test('a planted error comes as often as it was asked for, and leaves a part of the bytes at most', () => {
  const { machine } = machineOf(1)
  machine.plant({ operation: 'write', ending: '.log', code: 'ENOSPC', count: 2 })
  const disk = machine.open()
  write(disk, 'a.index', Buffer.from('fine'))
  assert.throws(() => write(disk, 'a.log', Buffer.from('not fine')), /ENOSPC/)
  assert.throws(() => write(disk, 'a.log', Buffer.from('not fine')), /ENOSPC/)
  write(disk, 'a.log', Buffer.from('fine'))
  assert.is(readWhole(disk, 'a.log')?.subarray(0, 4).toString(), 'fine')
  assert.is(machine.errorCount, 2)
})

test('an agent sleeps until its bell rings, and a timer comes when its time has come', async () => {
  const scheduler = new Scheduler(seededRandom(1))
  const bell = new Bell(Bell.create(32))
  let turns = 0
  const agent = {
    doWork: () => {
      turns++
      return 0
    },
  }
  scheduler.runAgent('agent', agent, bell, (thrown) => assert.unreachable(String(thrown)))
  const clock = scheduler.clock.scope()
  const ended = scheduler.clock.scope()
  let isFired = false
  clock.startTimer(1000, () => {
    isFired = true
  })
  ended.startTimer(500, () => assert.unreachable('this life is over'))
  ended.end()
  assert.ok(await scheduler.runUntil(() => isFired, 100))
  assert.is(turns, 1)
  assert.ok(scheduler.clock.elapsedMs >= 1000)
  bell.ring()
  assert.ok(await scheduler.runUntil(() => turns === 2, 10))
  assert.is(await scheduler.runUntil(() => turns === 3, 10), false)
})

test.run()
