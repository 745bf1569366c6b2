/** A machine whose disk fails as real ones do: writes that are short, torn or refused, syncs that fail, power that goes. */

import type { Clock } from '../../src/base/clock.ts'
import type { Random } from '../../src/base/random.ts'
import type { Disk, DiskFile } from '../../src/log/disk.ts'
import { type CutKind, FileNode, FolderNode, type TreeNode } from './disk-tree.ts'
import { postAlone } from './lane.ts'
import type { Scheduler } from './scheduler.ts'

/** What the disk does. */
export type Operation = 'write' | 'sync' | 'read' | 'name'

/** An error to come: the next `count` operations of that kind on files that end like this fail. */
export type PlantedError = {
  readonly operation: Operation
  readonly ending: string
  readonly code: 'EIO' | 'ENOSPC'
  count: number
}

/** Does something some time later, unless the process dies before. */
type Later = (operation: Operation, path: string, work: () => void) => Promise<void>

/** Of so many writes one is short. */
const shortWriteShare = 40

/** The machine's disk, which outlives the broker's lives on it. */
export class Machine {
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #clock: Clock
  readonly root = new FolderNode()
  #planted: PlantedError[] = []
  #life = 0
  /** Errors that were given so far. */
  errorCount = 0

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler
    this.#random = random
    this.#clock = scheduler.clock.scope()
    this.root.sync()
  }

  plant(error: PlantedError): void {
    this.#planted.push(error)
  }

  heal(): void {
    this.#planted = []
  }

  /** The processes are gone; what they wrote is still there. */
  kill(): void {
    this.#life++
  }

  cutPower(kind: CutKind): void {
    this.kill()
    this.root.cutPower(kind, this.#random)
  }

  /** The size of each file, by path. */
  sizes(): Record<string, number> {
    return Object.fromEntries([...this.root.files()].map(([path, file]) => [path, file.size]))
  }

  /** The disk as a process of this life sees it; after a kill it answers nothing any more. */
  open(): Disk {
    const life = this.#life
    const check = (): void => {
      if (life !== this.#life) throw diskError('EIO', 'the process that uses the disk is dead')
    }
    const later: Later = (operation, path, work) =>
      new Promise((resolve, reject) => {
        postAlone(this.#scheduler, `disk ${operation}`, () => {
          if (life !== this.#life) return
          try {
            this.#step(operation, path)
            work()
            resolve()
          } catch (thrown) {
            reject(thrown)
          }
        })
      })
    const at = (path: string): TreeNode | undefined => {
      check()
      return this.#find(path)
    }
    const now = (operation: Operation, path: string, work: () => void): void => {
      check()
      this.#step(operation, path)
      work()
    }
    return {
      isDurable: true,
      space: undefined,
      open: (path, mode) => {
        check()
        return this.#openFile(path, mode, check, later)
      },
      exists: (path) => at(path) !== undefined,
      sizeOf: (path) => sizeOf(at(path)),
      modifiedMs: (path) => modifiedMs(at(path)),
      list: (directory) => namesOf(at(directory)),
      makeDirectory: (path) => now('name', path, () => this.#makeDirectory(path)),
      remove: (path) => now('name', path, () => this.#remove(path)),
      removeAsync: (path) => later('name', path, () => this.#remove(path)),
      rename: (source, target) => now('name', target, () => this.#rename(source, target)),
      syncDirectory: (path) => now('sync', path, () => this.#folder(path).sync()),
      syncDirectoryAsync: (path) => later('sync', path, () => this.#folder(path).sync()),
      close: () => undefined,
    }
  }

  #openFile(path: string, mode: 'read' | 'write', check: () => void, later: Later): DiskFile {
    const { folder, name } = this.#parentOf(path)
    const found = folder.get(name)
    if (found instanceof FolderNode) throw diskError('EISDIR', `a folder, '${path}'`)
    if (found === undefined && mode === 'read') throw diskError('ENOENT', `no such file, '${path}'`)
    const node = found ?? new FileNode()
    if (found === undefined) {
      this.#step('name', path)
      folder.set(name, node)
    }
    // A descriptor may have been closed to make room for others: the file is then looked up by its name again.
    const present = (): FileNode => {
      check()
      const now = this.#find(path)
      if (now === node || this.#random.below(2) === 0) return node
      if (now instanceof FileNode) return now
      throw diskError('ENOENT', `no such file, '${path}'`)
    }
    const read = (target: Uint8Array, position: number): number => {
      this.#step('read', path)
      return present().read(target, position)
    }
    return {
      size: () => node.size,
      writev: (buffers, position) => {
        check()
        return this.#write(path, node, Buffer.concat(buffers), position)
      },
      read,
      readAsync: async (target, position) => {
        let count = 0
        await later('read', path, () => {
          count = present().read(target, position)
        })
        return count
      },
      truncate: (size) => {
        check()
        this.#step('name', path)
        if (size < node.size) node.truncate(size)
      },
      sync: () => {
        this.#step('sync', path)
        present().sync(node.doneSoFar)
      },
      syncAsync: () => {
        const mark = node.doneSoFar
        return later('sync', path, () => {
          if (present() === node) node.sync(mark)
        })
      },
      close: () => undefined,
    }
  }

  #write(path: string, node: FileNode, bytes: Buffer, position: number): number {
    const isShort = bytes.length > 1 && this.#random.below(shortWriteShare) === 0
    const error = this.#errorFor('write', path)
    const length = isShort || error !== undefined ? this.#random.below(bytes.length) : bytes.length
    // A write of nothing without an error is not what disks do.
    const written = error === undefined ? Math.max(1, length) : length
    if (written > 0) node.write(bytes.subarray(0, written), position)
    node.modifiedMs = this.#clock.nowMs()
    if (error !== undefined) throw diskError(error.code, `planted at '${path}'`)
    return written
  }

  #step(operation: Operation, path: string): void {
    const error = this.#errorFor(operation, path)
    if (error !== undefined) throw diskError(error.code, `planted at '${path}'`)
  }

  #errorFor(operation: Operation, path: string): PlantedError | undefined {
    if (this.#planted.length === 0) return undefined
    const error = this.#planted.find((planted) => planted.operation === operation && path.endsWith(planted.ending))
    if (error === undefined) return undefined
    error.count--
    this.errorCount++
    if (error.count === 0) this.#planted = this.#planted.filter((planted) => planted !== error)
    return error
  }

  #find(path: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.root
    if (path === '') return node
    for (const name of path.split('/')) {
      if (!(node instanceof FolderNode)) return undefined
      node = node.get(name)
    }
    return node
  }

  #folder(path: string): FolderNode {
    const node = this.#find(path)
    if (node instanceof FolderNode) return node
    throw diskError('ENOENT', `no such folder, '${path}'`)
  }

  #parentOf(path: string): { folder: FolderNode; name: string } {
    const slash = path.lastIndexOf('/')
    return { folder: this.#folder(path.slice(0, Math.max(0, slash))), name: path.slice(slash + 1) }
  }

  #makeDirectory(path: string): void {
    let folder = this.root
    for (const name of path.split('/')) {
      let next = folder.get(name)
      if (next === undefined) {
        next = new FolderNode()
        folder.set(name, next)
      }
      if (next instanceof FileNode) throw diskError('ENOTDIR', `a file, '${path}'`)
      folder = next
    }
  }

  #remove(path: string): void {
    if (this.#find(path) === undefined) return
    const { folder, name } = this.#parentOf(path)
    folder.set(name, undefined)
  }

  #rename(source: string, target: string): void {
    const node = this.#find(source)
    if (node === undefined) throw diskError('ENOENT', `no such file, '${source}'`)
    const from = this.#parentOf(source)
    const to = this.#parentOf(target)
    from.folder.set(from.name, undefined)
    to.folder.set(to.name, node)
  }
}

function sizeOf(node: TreeNode | undefined): number | undefined {
  return node instanceof FileNode ? node.size : undefined
}

function modifiedMs(node: TreeNode | undefined): number | undefined {
  return node instanceof FileNode ? node.modifiedMs : undefined
}

function namesOf(node: TreeNode | undefined): string[] {
  return node instanceof FolderNode ? node.names() : []
}

function diskError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}
