/** An index that grows: entries of a fixed size, gathered in memory and appended to a file now and then. */

import { type Disk, type DiskFile, writeAll } from '../disk.ts'

/** Entries that the first memory for them holds; it doubles as needed, and is flushed long before that matters. */
const pendingEntriesFirst = 16

/** Appends entries; the file appears with the first flush. Methods throw the disk's errors. */
export class IndexFile {
  readonly #disk: Disk
  readonly #path: string
  readonly #entryBytes: number
  #pending: Buffer = Buffer.alloc(0)
  #pendingBytes = 0
  #flushedBytes: number
  #file: DiskFile | undefined

  /** Goes on behind the first `entries` of the file; later ones are cut off. */
  constructor(options: { disk: Disk; path: string; entryBytes: number; entries: number }) {
    this.#disk = options.disk
    this.#path = options.path
    this.#entryBytes = options.entryBytes
    this.#flushedBytes = options.entries * options.entryBytes
  }

  /** Entries added, flushed or not. */
  get entries(): number {
    return (this.#flushedBytes + this.#pendingBytes) / this.#entryBytes
  }

  /** Where reserve() made room. */
  get pending(): Buffer {
    return this.#pending
  }

  /** Makes room for one entry in `pending` and answers where it begins; the caller fills it at once. */
  reserve(): number {
    const at = this.#pendingBytes
    if (at === this.#pending.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.#entryBytes * pendingEntriesFirst, at * 2))
      this.#pending.copy(grown)
      this.#pending = grown
    }
    this.#pendingBytes += this.#entryBytes
    return at
  }

  /** Writes what was gathered; after an error all of it still waits. */
  flush(): void {
    if (this.#pendingBytes === 0) return
    writeAll(this.#open(), [this.#pending.subarray(0, this.#pendingBytes)], this.#flushedBytes)
    this.#flushedBytes += this.#pendingBytes
    this.#pendingBytes = 0
  }

  /** Flushes, and makes the file even where there are no entries, as Kafka expects it beside a log. */
  finish(): void {
    this.flush()
    this.#open()
  }

  sync(): void {
    this.#unsynced()?.sync()
  }

  async syncAsync(): Promise<void> {
    await this.#unsynced()?.syncAsync()
  }

  /** Entries may have been written before the last start, and not be durable: they are synced with the segment too. */
  #unsynced(): DiskFile | undefined {
    return this.#file ?? (this.#flushedBytes > 0 ? this.#open() : undefined)
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
  }

  #open(): DiskFile {
    if (this.#file !== undefined) return this.#file
    const file = this.#disk.open(this.#path, 'write')
    this.#file = file
    if (file.size() > this.#flushedBytes) file.truncate(this.#flushedBytes)
    return file
  }
}
