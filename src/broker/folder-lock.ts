/** Keeps a data folder to one broker at a time: a file `.lock` that names the process that holds it. */

import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, messageOf, SafkaError } from '../base/errors.ts'

/** Kafka's name for the same. */
const lockName = '.lock'
/** A lock that its holder left behind is taken over; more rounds than one mean that others try the same. */
const attemptsMax = 3

/** Locks that brokers of this very process hold. */
const heldHere = new Set<string>()

/** A folder that is held. */
export type FolderLock = { release(): void }

/**
 * Takes the folder, which must exist. Throws SAFKA_DATA_DIRECTORY while another broker runs in it, Apache Kafka on this host included
 * where the system tells of its lock (`systemLocks`, Linux's /proc/locks). A lock whose process has ended, by `kill -9` or with its
 * machine, counts for nothing.
 */
export function lockFolder(folder: string, systemLocks = readText('/proc/locks') ?? ''): FolderLock {
  const path = join(folder, lockName)
  const kafka = holderIn(systemLocks, path)
  if (kafka !== undefined) throw inUse(folder, `process ${kafka} has locked it, as Apache Kafka does`)
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    if (tryTake(path, folder)) return { release: () => release(path) }
    const holder = readText(path)
    if (holder !== undefined && isRunning(holder, path)) {
      throw inUse(folder, `process ${holder.split(' ')[0]} runs a broker in it`)
    }
    rmSync(path, { force: true })
  }
  throw inUse(folder, 'another broker is starting in it')
}

function tryTake(path: string, folder: string): boolean {
  try {
    writeFileSync(path, `${process.pid} ${birthOf(process.pid)}`, { flag: 'wx' })
    heldHere.add(path)
    return true
  } catch (thrown) {
    if (errnoOf(thrown) === 'EEXIST') return false
    throw new SafkaError('SAFKA_DATA_DIRECTORY', `the data folder ${folder} cannot be used: ${messageOf(thrown)}`, {
      cause: thrown,
    })
  }
}

/** The process that has the system's lock on a file: Kafka's way, which this process could not take part in. */
function holderIn(systemLocks: string, path: string): string | undefined {
  const file = statSync(path, { throwIfNoEntry: false })
  if (file === undefined) return undefined
  // Linux packs a device's two numbers like this; the list has them in hexadecimal.
  const major = Math.floor(file.dev / 256) % 4096
  const minor = (file.dev % 256) + Math.floor(file.dev / 1_048_576) * 256
  const place = `${hex(major)}:${hex(minor)}:${file.ino}`
  const line = systemLocks.split('\n').find((candidate) => candidate.split(/\s+/).includes(place))
  return line === undefined ? undefined : /WRITE\s+(\d+)/.exec(line)?.[1]
}

function hex(number: number): string {
  return number.toString(16).padStart(2, '0')
}

function release(path: string): void {
  if (heldHere.delete(path)) rmSync(path, { force: true })
}

/** Process numbers are given out again, and in a container always the same: the time of birth tells them apart. */
function isRunning(holder: string, path: string): boolean {
  const [pidText, birth] = holder.split(' ')
  const pid = Number(pidText)
  if (!Number.isInteger(pid) || pid <= 0) return false
  if (pid === process.pid) return heldHere.has(path)
  try {
    process.kill(pid, 0)
  } catch (thrown) {
    // EPERM: it runs, as somebody else.
    if (errnoOf(thrown) !== 'EPERM') return false
  }
  return birthOf(pid) === birth
}

/** When a process was born, as text that is the same for as long as it lives; '-' where the system does not tell. */
function birthOf(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`)
  const boot = readText('/proc/sys/kernel/random/boot_id')
  if (stat === undefined || boot === undefined) return '-'
  // The name in brackets may hold blanks; the fields after it are plain, and the twentieth of them is the start time.
  return `${boot.trim()}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Not there (any more), or not told by this system.
    return undefined
  }
}

function inUse(folder: string, why: string): SafkaError {
  return new SafkaError(
    'SAFKA_DATA_DIRECTORY',
    `the data folder ${folder} is in use: ${why}; choose another with --data`,
  )
}
