/** A power cut at any operation loses nothing that counted as synced, and leaves a log that can be read from end to end. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Disk, DiskFile } from '../../src/log/disk.ts'
import type { Engine } from '../../src/log/engine.ts'
import { batchAt, openLog, readAll } from './log-fixture.ts'

type Inode = { bytes: Buffer; synced: Buffer }

/** Which names survive a cut: those that were synced, or all, as with a journal that keeps its order. */
type Names = 'synced' | 'all'

/** A real disk with its cache: bytes and names are durable once they are synced. */
class CachedDisk implements Disk {
  readonly isDurable = true
  readonly space = undefined
  operations = 0
  cutAt = Number.POSITIVE_INFINITY
  #files = new Map<string, Inode>()
  #folders = new Set<string>([''])
  #durableFiles = new Map<string, Inode>()
  #durableFolders = new Set<string>([''])

  /** What is there when the power is back. */
  restart(names: Names): void {
    this.cutAt = Number.POSITIVE_INFINITY
    const isKept = (path: string): boolean => {
      const folder = folderOf(path)
      return folder === '' || this.#durableFolders.has(folder)
    }
    if (names === 'synced') {
      this.#files = new Map([...this.#durableFiles].filter(([path]) => isKept(path)))
      this.#folders = new Set(this.#durableFolders)
    }
    for (const inode of new Set(this.#files.values())) inode.bytes = Buffer.from(inode.synced)
    this.#durableFiles = new Map(this.#files)
    this.#durableFolders = new Set(this.#folders)
  }

  open(path: string, mode: 'read' | 'write'): DiskFile {
    this.#step()
    const found = this.#files.get(path)
    if (found === undefined && (mode === 'read' || !this.#folders.has(folderOf(path)))) throw missing(path)
    const inode = found ?? { bytes: Buffer.alloc(0), synced: Buffer.alloc(0) }
    this.#files.set(path, inode)
    const sync = (): void => {
      this.#step()
      inode.synced = Buffer.from(inode.bytes)
    }
    const read = (target: Uint8Array, position: number): number => {
      this.#step()
      return inode.bytes.copy(target, 0, position)
    }
    return {
      size: () => inode.bytes.length,
      writev: (buffers, position) => {
        this.#step()
        const added = Buffer.concat(buffers)
        const end = Math.max(inode.bytes.length, position + added.length)
        const grown = Buffer.alloc(end)
        inode.bytes.copy(grown)
        added.copy(grown, position)
        inode.bytes = grown
        return added.length
      },
      read,
      readAsync: async (target, position) => read(target, position),
      truncate: (size) => {
        this.#step()
        inode.bytes = Buffer.from(inode.bytes.subarray(0, size))
      },
      sync,
      syncAsync: async () => sync(),
      close: () => undefined,
    }
  }

  exists(path: string): boolean {
    return this.#folders.has(path) || this.#files.has(path)
  }

  modifiedMs(): undefined {
    return undefined
  }

  sizeOf(path: string): number | undefined {
    return this.#files.get(path)?.bytes.length
  }

  list(directory: string): string[] {
    return [...this.#files.keys()]
      .filter((path) => folderOf(path) === directory)
      .map((path) => path.slice(directory.length + 1))
  }

  makeDirectory(path: string): void {
    this.#step()
    this.#folders.add(path)
  }

  remove(path: string): void {
    this.#step()
    this.#files.delete(path)
  }

  async removeAsync(path: string): Promise<void> {
    this.remove(path)
  }

  rename(source: string, target: string): void {
    this.#step()
    const inode = this.#files.get(source)
    if (inode === undefined) throw missing(source)
    this.#files.delete(source)
    this.#files.set(target, inode)
  }

  syncDirectory(path: string): void {
    this.#step()
    if (path === '') this.#durableFolders = new Set(this.#folders)
    for (const name of this.#durableFiles.keys()) if (folderOf(name) === path) this.#durableFiles.delete(name)
    for (const [name, inode] of this.#files) if (folderOf(name) === path) this.#durableFiles.set(name, inode)
  }

  async syncDirectoryAsync(path: string): Promise<void> {
    this.syncDirectory(path)
  }

  close(): void {}

  #step(): void {
    if (this.operations++ >= this.cutAt) throw Object.assign(new Error('EIO: no power'), { code: 'EIO' })
  }
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
}

const settings = { segmentBytes: 1000, indexIntervalBytes: 150, retentionBytes: 3000 } as const

async function work(disk: Disk, sync: 'every' | 'never'): Promise<{ syncedEnd: number; deletedEnd: number }> {
  const seen = { syncedEnd: 0, deletedEnd: 0 }
  for (let life = 0; life < 2; life++) {
    let engine: Engine
    try {
      engine = openLog(disk, { ...settings, sync }).engine
    } catch {
      return seen
    }
    for (let round = 0; round < 12 && engine.failure === undefined; round++) {
      const at = engine.endOffset
      engine.submit([batchAt(at), batchAt(at + 1), batchAt(at + 2)])
      engine.poll()
      await new Promise((resolve) => setImmediate(resolve))
      if (engine.failure === undefined) seen.syncedEnd = Math.max(seen.syncedEnd, engine.poll().syncedEnd)
      if (round % 4 === 1)
        engine.saveProducerSnapshot(engine.endOffset, Buffer.from(`producers at ${engine.endOffset}`))
      if (round % 4 === 2) {
        const target = Math.max(engine.startOffset, at - 7)
        engine.deleteRecordsBefore(target)
        if (engine.failure === undefined) seen.deletedEnd = Math.max(seen.deletedEnd, target)
      }
      if (round % 4 === 3) engine.maintain(1_700_000_000_000 + 600_000 * (life * 12 + round + 1))
    }
    engine.close()
  }
  return seen
}

for (const sync of ['every', 'never'] as const) {
  for (const names of ['synced', 'all'] as const) {
    const survivors = names === 'all' ? 'all names survive' : 'names survive that were synced'
    test(`with sync ${sync}, where ${survivors}`, async () => {
      const whole = new CachedDisk()
      await work(whole, sync)
      for (let cut = 0; cut < whole.operations; cut++) {
        const disk = new CachedDisk()
        disk.cutAt = cut
        const { syncedEnd, deletedEnd } = await work(disk, sync)
        disk.restart(names)
        const { engine, snapshots } = openLog(disk, { ...settings, sync })
        const { startOffset, endOffset } = engine
        const where = `cut at ${cut}: ${syncedEnd} synced, ${deletedEnd} deleted, now ${startOffset} to ${endOffset}`
        assert.ok(startOffset >= Math.min(deletedEnd, endOffset) && startOffset <= endOffset, where)
        if (endOffset > startOffset) await readAll(disk, engine)
        if (sync === 'never') continue
        assert.ok(endOffset >= syncedEnd, where)
        for (const { offset, bytes } of snapshots) assert.is(bytes.toString(), `producers at ${offset}`, where)
      }
    })
  }
}

test.run()
