/** A disk that is a real folder: blocking writes, reads through the thread pool, and a bound on open descriptors. */

import {
  closeSync,
  constants,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  open,
  openSync,
  read,
  readdirSync,
  readSync,
  renameSync,
  rm,
  rmSync,
  statSync,
  writeSync,
  writevSync,
} from 'node:fs'
import { join } from 'node:path'
import { assert } from '../base/assert.ts'
import { errnoOf } from '../base/errors.ts'
import type { Disk, DiskFile } from './disk.ts'

/**
 * Descriptors that one thread's disk keeps open. Systems allow some 20,000 a process; threads are a few dozen, so that this
 * leaves room for sockets, while a busy thread seldom serves more files than this at a time.
 */
export const descriptorsMax = 512

/**
 * Reads and syncs that one disk has under way at once; each holds a descriptor. The thread pool has fewer threads, so that more
 * would only wait there.
 */
const operationsMax = 64

/**
 * Kafka's mark of a data folder. A root that had it and has it no more is the empty place where a disk was mounted, or a folder
 * that was removed: what is written there would be lost to sight when the disk comes back.
 */
const rootMark = 'meta.properties'

/** Files stay usable while their descriptors come and go. */
export class RealDisk implements Disk {
  readonly isDurable = true
  readonly space = undefined
  readonly #root: string
  readonly #isMarked: boolean
  readonly #descriptorsMax: number
  readonly #operationsMax: number
  /** Files that hold a descriptor, in the order in which they will be looked at when one must go. */
  readonly #openFiles = new Set<RealFile>()
  /** Operations in the thread pool that hold a descriptor, and those that wait until fewer do. */
  #underWay = 0
  readonly #waiting: (() => boolean)[] = []

  /** Creates the root folder where it is missing. */
  constructor(root: string, limits: { readonly descriptorsMax: number } = { descriptorsMax }) {
    this.#root = root
    this.#descriptorsMax = limits.descriptorsMax
    this.#operationsMax = Math.min(limits.descriptorsMax, operationsMax)
    mkdirSync(root, { recursive: true })
    this.#isMarked = this.exists(rootMark)
  }

  open(path: string, mode: 'read' | 'write'): DiskFile {
    const file = new RealFile(this, this.#full(path), mode === 'write')
    file.openFirst()
    return file
  }

  exists(path: string): boolean {
    return existsSync(this.#full(path))
  }

  sizeOf(path: string): number | undefined {
    return statSync(this.#full(path), { throwIfNoEntry: false })?.size
  }

  modifiedMs(path: string): number | undefined {
    return statSync(this.#full(path), { throwIfNoEntry: false })?.mtimeMs
  }

  list(directory: string): string[] {
    try {
      return readdirSync(this.#full(directory))
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return []
      throw thrown
    }
  }

  makeDirectory(path: string): void {
    if (this.#isMarked && !this.exists(rootMark)) {
      throw Object.assign(new Error(`ENOENT: the data folder ${this.#root} has gone`), { code: 'ENOENT' })
    }
    mkdirSync(this.#full(path), { recursive: true })
  }

  remove(path: string): void {
    rmSync(this.#full(path), { recursive: true, force: true })
  }

  removeAsync(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      rm(this.#full(path), { recursive: true, force: true }, (error) => {
        if (error === null) resolve()
        else reject(error)
      })
    })
  }

  rename(source: string, target: string): void {
    renameSync(this.#full(source), this.#full(target))
  }

  syncDirectory(path: string): void {
    if (process.platform === 'win32') return
    const descriptor = openSync(this.#full(path), 'r')
    try {
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  }

  syncDirectoryAsync(path: string): Promise<void> {
    // Windows can't sync a folder; its file system keeps names in a journal.
    if (process.platform === 'win32') return Promise.resolve()
    return new Promise((resolve, reject) => {
      const finish = (error: Error | null): void => {
        this.endTurn()
        if (error === null) resolve()
        else reject(error)
      }
      this.takeTurn(() => {
        open(this.#full(path), 'r', (openError, descriptor) => {
          if (openError !== null) return finish(openError)
          fsync(descriptor, (syncError) => {
            closeSync(descriptor)
            finish(syncError)
          })
        })
        return true
      })
    })
  }

  close(): void {
    for (const file of [...this.#openFiles]) file.close()
  }

  /** Descriptors in use now. */
  get descriptorCount(): number {
    return this.#openFiles.size
  }

  /** Reads in the thread pool hold descriptors beyond the bound, for as long as they take. */
  get hasTooMany(): boolean {
    return this.#openFiles.size > this.#descriptorsMax
  }

  /**
   * Starts something in the thread pool that holds a descriptor, at once or in its turn: whatever many partitions ask for at the
   * same time, descriptors do not run out. `start` answers whether it is under way; it says by endTurn() when it is no more.
   */
  takeTurn(start: () => boolean): void {
    if (this.#underWay >= this.#operationsMax) this.#waiting.push(start)
    else if (start()) this.#underWay++
  }

  endTurn(): void {
    this.#underWay--
    while (this.#underWay < this.#operationsMax) {
      const start = this.#waiting.shift()
      if (start === undefined) return
      if (start()) this.#underWay++
    }
  }

  /** Counts a file that opened a descriptor; closes another's where there are too many. */
  admit(file: RealFile): void {
    this.#openFiles.add(file)
    let looks = this.#openFiles.size * 2
    for (const candidate of this.#openFiles) {
      if (!this.hasTooMany || looks-- === 0) return
      if (candidate === file) continue
      // A file used since the last look gets a second chance, at the end of the line.
      if (candidate.takeWasUsed() || candidate.isPinned) {
        this.#openFiles.delete(candidate)
        this.#openFiles.add(candidate)
      } else {
        candidate.letGo()
      }
    }
  }

  dismiss(file: RealFile): void {
    this.#openFiles.delete(file)
  }

  #full(path: string): string {
    return join(this.#root, path)
  }
}

/** One file; opens its descriptor again where the disk has taken it away. */
class RealFile implements DiskFile {
  readonly #disk: RealDisk
  readonly #path: string
  readonly #isWritable: boolean
  #descriptor: number | undefined
  /** Operations in the thread pool that use the descriptor. */
  #pins = 0
  #wasUsed = false
  #isClosed = false

  constructor(disk: RealDisk, path: string, isWritable: boolean) {
    this.#disk = disk
    this.#path = path
    this.#isWritable = isWritable
  }

  get isPinned(): boolean {
    return this.#pins > 0
  }

  takeWasUsed(): boolean {
    const wasUsed = this.#wasUsed
    this.#wasUsed = false
    return wasUsed
  }

  openFirst(): void {
    this.#openWith(this.#isWritable ? constants.O_RDWR | constants.O_CREAT : constants.O_RDONLY)
  }

  size(): number {
    return fstatSync(this.#use()).size
  }

  writev(buffers: readonly Uint8Array[], position: number): number {
    const descriptor = this.#use()
    const [first] = buffers
    if (first === undefined) return 0
    if (buffers.length === 1) return writeSync(descriptor, first, 0, first.length, position)
    return writevSync(descriptor, buffers, position)
  }

  read(target: Uint8Array, position: number): number {
    const descriptor = this.#use()
    let count = 0
    while (count < target.length) {
      const more = readSync(descriptor, target, count, target.length - count, position + count)
      if (more === 0) break
      count += more
    }
    return count
  }

  readAsync(target: Uint8Array, position: number): Promise<number> {
    return this.#pinned((descriptor, done) => readOn({ descriptor, target, position, count: 0, done }))
  }

  truncate(size: number): void {
    ftruncateSync(this.#use(), size)
  }

  sync(): void {
    fdatasyncSync(this.#use())
  }

  async syncAsync(): Promise<void> {
    await this.#pinned((descriptor, done) => fdatasync(descriptor, (error) => done(error, 0)))
  }

  close(): void {
    this.#isClosed = true
    if (this.#pins === 0) this.letGo()
  }

  /** Closes the descriptor; the next use opens another. */
  letGo(): void {
    if (this.#descriptor === undefined) return
    this.#disk.dismiss(this)
    closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #use(): number {
    if (this.#isClosed) {
      assert(!this.#isWritable, 'a closed file is not written')
      // A reader's file is closed when its segment has gone, which may be while a read in several steps goes on.
      throw Object.assign(new Error('ENOENT: the file was closed'), { code: 'ENOENT' })
    }
    this.#wasUsed = true
    return this.#descriptor ?? this.#openWith(this.#isWritable ? constants.O_RDWR : constants.O_RDONLY)
  }

  #openWith(flags: number): number {
    const descriptor = openSync(this.#path, flags)
    this.#descriptor = descriptor
    this.#disk.admit(this)
    return descriptor
  }

  #pinned(start: (descriptor: number, done: (error: Error | null, count: number) => void) => void): Promise<number> {
    return new Promise((resolve, reject) => {
      const finish = (error: Error | null, count: number): void => {
        this.#pins--
        if (this.#pins === 0 && (this.#isClosed || this.#disk.hasTooMany)) this.letGo()
        this.#disk.endTurn()
        if (error === null) resolve(count)
        else reject(error)
      }
      this.#disk.takeTurn(() => {
        try {
          start(this.#use(), finish)
        } catch (thrown) {
          reject(thrown)
          return false
        }
        this.#pins++
        return true
      })
    })
  }
}

type PendingRead = {
  readonly descriptor: number
  readonly target: Uint8Array
  readonly position: number
  count: number
  readonly done: (error: Error | null, count: number) => void
}

/** Reads until the target is full or the file ends: one call but for rare short reads. */
function readOn(pending: PendingRead): void {
  const { descriptor, target, position, count, done } = pending
  if (count === target.length) {
    done(null, count)
    return
  }
  read(descriptor, target, count, target.length - count, position + count, (error, more) => {
    if (error !== null || more === 0) {
      done(error, count)
      return
    }
    pending.count += more
    readOn(pending)
  })
}
