/** Files and folders as a machine has them: what programs see, and what of it would be there after a power cut. */

import type { Random } from '../../src/base/random.ts'

/** Disks write sectors whole or not at all. */
const sectorBytes = 512
/** Of unsynced sectors that reach the disk in a wild power cut, one in so many has a wrong bit. */
const flippedShare = 16

/** Something that was done to a file and may not have reached the disk. */
type Pending =
  | { readonly order: number; readonly kind: 'write'; readonly position: number; readonly bytes: Buffer }
  | { readonly order: number; readonly kind: 'truncate'; readonly size: number }

/**
 * What a power cut leaves of unsynced writes. `ordered`: the first so many, the last of them torn, as file systems do that
 * make a file longer only once its bytes are there. `wild`: any sectors in any order, holes of zeros, and wrong bits.
 */
export type CutKind = 'ordered' | 'wild'

/** A file's bytes: now, and on the platter. */
export class FileNode {
  /** When it was last written. */
  modifiedMs = 0
  #now = new Content()
  #durable = new Content()
  #pending: Pending[] = []
  #order = 0

  get size(): number {
    return this.#now.size
  }

  read(target: Uint8Array, position: number): number {
    return this.#now.read(target, position)
  }

  write(bytes: Buffer, position: number): void {
    this.#apply({ order: ++this.#order, kind: 'write', position, bytes })
  }

  truncate(size: number): void {
    this.#apply({ order: ++this.#order, kind: 'truncate', size })
  }

  /** A mark for `sync`: what was done so far. */
  get doneSoFar(): number {
    return this.#order
  }

  /** Makes durable what was done up to a mark. */
  sync(mark: number): void {
    let count = 0
    for (const pending of this.#pending) {
      if (pending.order > mark) break
      this.#durable.apply(pending)
      count++
    }
    this.#pending.splice(0, count)
  }

  cutPower(kind: CutKind, random: Random): void {
    if (this.#pending.length > 0) {
      if (kind === 'ordered') this.#keepSome(random)
      else this.#keepSectors(random)
    }
    this.#pending = []
    this.#now = this.#durable.copy()
  }

  /** Turns one bit over, also on the platter. */
  rot(position: number, bit: number): void {
    this.#now.flip(position, bit)
    this.#durable.flip(position, bit)
  }

  #apply(pending: Pending): void {
    this.#now.apply(pending)
    this.#pending.push(pending)
  }

  #keepSome(random: Random): void {
    const count = random.below(this.#pending.length + 1)
    for (const pending of this.#pending.slice(0, count)) this.#durable.apply(pending)
    const torn = this.#pending[count]
    if (torn?.kind !== 'write' || torn.position > this.#durable.size) return
    this.#durable.apply({ ...torn, bytes: torn.bytes.subarray(0, random.below(torn.bytes.length)) })
  }

  #keepSectors(random: Random): void {
    for (const pending of this.#pending) {
      if (pending.kind === 'truncate') {
        if (random.below(2) === 0) this.#durable.apply(pending)
        continue
      }
      const { position, bytes } = pending
      const end = position + bytes.length
      for (let at = position; at < end; ) {
        const next = Math.min(end, (Math.floor(at / sectorBytes) + 1) * sectorBytes)
        if (random.below(2) === 0) {
          this.#durable.apply({ ...pending, position: at, bytes: bytes.subarray(at - position, next - position) })
          if (random.below(flippedShare) === 0) this.#durable.flip(at + random.below(next - at), random.below(8))
        }
        at = next
      }
    }
  }
}

/** Bytes that grow. */
class Content {
  #bytes = Buffer.alloc(0)
  size = 0

  apply(pending: Pending): void {
    if (pending.kind === 'truncate') {
      if (pending.size < this.size) this.#bytes.fill(0, pending.size, this.size)
      this.size = Math.min(this.size, pending.size)
      return
    }
    const end = pending.position + pending.bytes.length
    if (end > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(end, 2 * this.#bytes.length, 256))
      this.#bytes.copy(grown, 0, 0, this.size)
      this.#bytes = grown
    }
    pending.bytes.copy(this.#bytes, pending.position)
    this.size = Math.max(this.size, end)
  }

  read(target: Uint8Array, position: number): number {
    return position >= this.size ? 0 : this.#bytes.copy(target, 0, position, this.size)
  }

  flip(position: number, bit: number): void {
    if (position < this.size) this.#bytes.writeUInt8(this.#bytes.readUInt8(position) ^ (1 << bit), position)
  }

  copy(): Content {
    const copied = new Content()
    copied.#bytes = Buffer.from(this.#bytes)
    copied.size = this.size
    return copied
  }
}

export type TreeNode = FileNode | FolderNode

/** A folder's names: now, and on the platter. */
export class FolderNode {
  #now = new Map<string, TreeNode>()
  #durable = new Map<string, TreeNode>()
  #pending: { readonly name: string; readonly node: TreeNode | undefined }[] = []

  get(name: string): TreeNode | undefined {
    return this.#now.get(name)
  }

  names(): string[] {
    return [...this.#now.keys()]
  }

  /** Gives a name to a node, or takes it away. */
  set(name: string, node: TreeNode | undefined): void {
    if (node === undefined) this.#now.delete(name)
    else this.#now.set(name, node)
    this.#pending.push({ name, node })
  }

  sync(): void {
    this.#durable = new Map(this.#now)
    this.#pending = []
  }

  /** Names survive that were synced, and of the changes after that the first so many, or all. */
  cutPower(kind: CutKind, random: Random): void {
    const count = random.below(3) === 0 ? this.#pending.length : random.below(this.#pending.length + 1)
    for (const { name, node } of this.#pending.slice(0, count)) {
      if (node === undefined) this.#durable.delete(name)
      else this.#durable.set(name, node)
    }
    this.#pending = []
    this.#now = new Map(this.#durable)
    for (const node of this.#now.values()) node.cutPower(kind, random)
  }

  /** All files below, with their paths. */
  *files(path = ''): Generator<[string, FileNode]> {
    for (const [name, node] of this.#now) {
      if (node instanceof FileNode) yield [`${path}${name}`, node]
      else yield* node.files(`${path}${name}/`)
    }
  }
}
