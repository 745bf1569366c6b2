/** A disk that tests can make short of breath: it wraps another one and writes little, fails, or holds syncs back. */

import type { Disk, DiskFile } from '../../src/log/disk.ts'

export class FaultyDisk implements Disk {
  readonly isDurable: boolean
  readonly space: Disk['space']
  /** Bytes that one writev takes at most. */
  writeBytesMax = Number.POSITIVE_INFINITY
  /** Bytes that may still be written to .log files before writes fail with `writeError`. */
  logBytesLeft = Number.POSITIVE_INFINITY
  writeError = 'ENOSPC'
  /** Whether asynchronous syncs wait for releaseSyncs(). */
  holdsSyncs = false
  syncError = ''
  /** While it is set, everything that changes the disk fails with it: no room, read-only, or broken. */
  changeError = ''
  /** Renames to names that end so fail. */
  renameErrorAt: string | undefined
  /** Syncs started so far, by path, asynchronous or not. */
  readonly syncs: string[] = []
  readonly #inner: Disk
  #held: (() => void)[] = []

  /** `isDurable` makes an in-memory disk play a real one. */
  constructor(inner: Disk, isDurable = inner.isDurable) {
    this.#inner = inner
    this.isDurable = isDurable
    this.space = isDurable ? undefined : inner.space
  }

  get heldSyncs(): number {
    return this.#held.length
  }

  releaseSyncs(): void {
    const held = this.#held
    this.#held = []
    for (const release of held) release()
  }

  open(path: string, mode: 'read' | 'write'): DiskFile {
    if (mode === 'write' && !this.#inner.exists(path)) this.#failChange()
    return this.#wrap(path, this.#inner.open(path, mode))
  }

  exists(path: string): boolean {
    return this.#inner.exists(path)
  }

  modifiedMs(path: string): number | undefined {
    return this.#inner.modifiedMs(path)
  }

  sizeOf(path: string): number | undefined {
    return this.#inner.sizeOf(path)
  }

  list(directory: string): string[] {
    return this.#inner.list(directory)
  }

  makeDirectory(path: string): void {
    this.#failChange()
    this.#inner.makeDirectory(path)
  }

  remove(path: string): void {
    this.#inner.remove(path)
  }

  removeAsync(path: string): Promise<void> {
    return this.#inner.removeAsync(path)
  }

  rename(source: string, target: string): void {
    if (this.renameErrorAt !== undefined && target.endsWith(this.renameErrorAt)) {
      throw Object.assign(new Error('EIO: planted'), { code: 'EIO' })
    }
    const names = this.#inner.list(source)
    if (names.length === 0) {
      this.#inner.rename(source, target)
      return
    }
    // A disk in memory renames no folders.
    this.#inner.makeDirectory(target)
    for (const name of names) this.#inner.rename(`${source}/${name}`, `${target}/${name}`)
    this.#inner.remove(source)
  }

  syncDirectory(path: string): void {
    this.syncs.push(`${path}/`)
    this.#inner.syncDirectory(path)
  }

  syncDirectoryAsync(path: string): Promise<void> {
    return this.#later(`${path}/`)
  }

  close(): void {
    this.#inner.close()
  }

  #wrap(path: string, file: DiskFile): DiskFile {
    return {
      size: () => file.size(),
      writev: (buffers, position) => this.#write(path, file, buffers, position),
      read: (target, position) => file.read(target, position),
      readAsync: (target, position) => file.readAsync(target, position),
      truncate: (size) => file.truncate(size),
      sync: () => {
        this.syncs.push(path)
        this.#failMissing(path)
        this.#failSync()
      },
      syncAsync: () => this.#later(path),
      close: () => file.close(),
    }
  }

  #write(path: string, file: DiskFile, buffers: readonly Uint8Array[], position: number): number {
    this.#failChange()
    const joined = Buffer.concat(buffers)
    let count = Math.min(joined.length, this.writeBytesMax)
    if (path.endsWith('.log')) {
      if (this.logBytesLeft === 0)
        throw Object.assign(new Error(`${this.writeError}: planted`), { code: this.writeError })
      count = Math.min(count, this.logBytesLeft)
      this.logBytesLeft -= count
    }
    return file.writev([joined.subarray(0, count)], position)
  }

  async #later(path: string): Promise<void> {
    this.syncs.push(path)
    this.#failMissing(path)
    if (this.holdsSyncs) await new Promise<void>((resolve) => this.#held.push(resolve))
    this.#failSync()
  }

  /** A real disk may have closed the file's descriptor meanwhile, and then it cannot be opened again. */
  #failMissing(path: string): void {
    if (path !== '/' && !this.#inner.exists(path.replace(/\/$/, ''))) {
      throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
    }
  }

  #failChange(): void {
    if (this.changeError === '') return
    throw Object.assign(new Error(`${this.changeError}: planted`), { code: this.changeError })
  }

  #failSync(): void {
    this.#failChange()
    if (this.syncError !== '') throw Object.assign(new Error(`${this.syncError}: planted`), { code: this.syncError })
  }
}
