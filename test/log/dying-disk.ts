/** A disk that dies at a chosen operation, or fails there for a while: every call counts as one. */

import type { Disk, DiskFile } from '../../src/log/disk.ts'

/** Plays a durable disk; from the operation `first` on, `count` operations fail. A write that fails leaves half of its bytes. */
export class DyingDisk implements Disk {
  readonly isDurable = true
  readonly space = undefined
  operations = 0
  readonly #inner: Disk
  readonly #first: number
  readonly #count: number

  constructor(inner: Disk, first: number, count: number) {
    this.#inner = inner
    this.#first = first
    this.#count = count
  }

  open(path: string, mode: 'read' | 'write'): DiskFile {
    this.#step()
    const file = this.#inner.open(path, mode)
    return {
      size: () => this.#stepped(() => file.size()),
      writev: (buffers, position) => {
        const joined = Buffer.concat(buffers)
        if (this.#isDue()) file.writev([joined.subarray(0, joined.length >> 1)], position)
        return this.#stepped(() => file.writev([joined], position))
      },
      read: (target, position) => this.#stepped(() => file.read(target, position)),
      readAsync: async (target, position) => this.#stepped(() => file.read(target, position)),
      truncate: (size) => this.#stepped(() => file.truncate(size)),
      sync: () => this.#step(),
      syncAsync: async () => this.#step(),
      close: () => file.close(),
    }
  }

  exists(path: string): boolean {
    return this.#stepped(() => this.#inner.exists(path))
  }

  modifiedMs(path: string): number | undefined {
    return this.#stepped(() => this.#inner.modifiedMs(path))
  }

  sizeOf(path: string): number | undefined {
    return this.#stepped(() => this.#inner.sizeOf(path))
  }

  list(directory: string): string[] {
    return this.#stepped(() => this.#inner.list(directory))
  }

  makeDirectory(path: string): void {
    this.#stepped(() => this.#inner.makeDirectory(path))
  }

  remove(path: string): void {
    this.#stepped(() => this.#inner.remove(path))
  }

  async removeAsync(path: string): Promise<void> {
    this.#stepped(() => this.#inner.remove(path))
  }

  rename(source: string, target: string): void {
    this.#stepped(() => this.#inner.rename(source, target))
  }

  syncDirectory(): void {
    this.#step()
  }

  async syncDirectoryAsync(): Promise<void> {
    this.#step()
  }

  close(): void {}

  #isDue(): boolean {
    return this.operations >= this.#first && this.operations < this.#first + this.#count
  }

  #stepped<Result>(step: () => Result): Result {
    this.#step()
    return step()
  }

  #step(): void {
    const isDue = this.#isDue()
    this.operations++
    if (isDue) throw Object.assign(new Error('EIO: planted'), { code: 'EIO' })
  }
}
