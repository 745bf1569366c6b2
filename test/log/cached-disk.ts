/** A disk with a cache, whose power can be cut: bytes and names survive that only as far as they were synced. */

import type { Disk, DiskFile } from '../../src/log/disk.ts'

type Inode = { bytes: Buffer; synced: Buffer }

/** Which names survive a cut: those that were synced, or all, as with a journal that keeps its order. */
export type Names = 'synced' | 'all'

/** A real disk with its cache: bytes and names are durable once they are synced. */
export class CachedDisk implements Disk {
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
