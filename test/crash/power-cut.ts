/** A power cut on a real folder: what no sync has covered goes, as much of it as chance decides, or comes back damaged. */

import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectRoot } from '../../scripts/project.ts'
import type { Random } from '../../src/base/random.ts'
import { offsetsNamed, segmentFile } from '../../src/log/local/segment-names.ts'
import { batchLastOffset, eachBatch } from '../../src/wire/record-batch.ts'
import { partitionKey, partitionsOf } from './load/world.ts'

/** What a power cut left for sure: by partition, the end of what was on disk. */
export type PowerCutOutcome = {
  readonly kept: readonly (readonly [partition: number, offset: number])[]
  readonly cutBytes: number
}

const preload = join(projectRoot, 'test/crash/sync-ledger.ts')

/** Which bytes of which file a sync has covered is told by the broker itself, through a module that is loaded into it. */
export class PowerCut {
  readonly #directory: string
  readonly #random: Random
  readonly #ledger: string
  /** Bytes that are safe, by inode. */
  readonly #safeBytes = new Map<number, number>()
  /** Names that are safe, by the inode of their folder. */
  readonly #safeNames = new Map<number, Set<string>>()

  constructor(directory: string, random: Random) {
    this.#directory = directory
    this.#random = random
    this.#ledger = join(tmpdir(), `safka-syncs-${process.pid}-${random.below(2 ** 31)}`)
    closeSync(openSync(this.#ledger, 'w'))
  }

  /** What the broker's process needs to keep the ledger. */
  get environment(): Readonly<Record<string, string>> {
    return { NODE_OPTIONS: `--import=${preload}`, SAFKA_TEST_SYNC_LEDGER: this.#ledger }
  }

  /** Counts everything in the folder as synced, as after some minutes of rest. */
  trustAll(): void {
    for (const { inode, path, isFolder } of this.#entries()) {
      if (isFolder) this.#safeNames.set(inode, new Set(readdirSync(path)))
      else this.#safeBytes.set(inode, statSync(path).size)
    }
  }

  /** Takes away what is not safe. The broker must have ended. */
  strike(): PowerCutOutcome {
    this.#readLedger()
    const kept = partitionsOf(['plain', 'input', 'output']).flatMap(({ topic, partition }) => {
      const end = this.#safeEnd(join(this.#directory, `${topic}-${partition}`))
      return end === undefined ? [] : [[partitionKey(topic, partition), end] as const]
    })
    let cutBytes = 0
    for (const { inode, path, isFolder, folderInode, name } of this.#entries()) {
      if (isFolder) continue
      if (this.#safeNames.get(folderInode)?.has(name) !== true && this.#random.below(2) === 0) {
        cutBytes += statSync(path).size
        rmSync(path)
      } else cutBytes += this.#damage(path, this.#safeBytes.get(inode) ?? 0)
    }
    // What a machine finds on its disk when it starts again is there to stay.
    this.#safeBytes.clear()
    this.#safeNames.clear()
    this.trustAll()
    closeSync(openSync(this.#ledger, 'w'))
    return { kept, cutBytes }
  }

  close(): void {
    rmSync(this.#ledger, { force: true })
  }

  /** Spoils a file behind what is safe; answers how many bytes are gone or wrong. */
  #damage(path: string, safe: number): number {
    const { size } = statSync(path)
    if (size <= safe) return 0
    const from = safe + this.#random.below(size - safe + 1)
    const kind = this.#random.below(4)
    if (kind < 2) truncateSync(path, from)
    else {
      const bytes = Buffer.alloc(size - from)
      if (kind === 3) for (let at = 0; at < bytes.length; at++) bytes[at] = this.#random.below(256)
      const file = openSync(path, 'r+')
      writeSync(file, bytes, 0, bytes.length, from)
      closeSync(file)
    }
    return size - from
  }

  /** Where the part of a partition's log ends that must survive; undefined: there is no such partition. */
  #safeEnd(folder: string): number | undefined {
    const stat = statSync(folder, { throwIfNoEntry: false })
    if (stat === undefined) return undefined
    let end = 0
    for (const baseOffset of offsetsNamed(readdirSync(folder), 'log')) {
      const name = segmentFile(baseOffset, 'log')
      const path = join(folder, name)
      const { ino: inode } = statSync(path)
      const bytes = readFileSync(path)
      const safe = this.#safeNames.get(stat.ino)?.has(name) === true ? (this.#safeBytes.get(inode) ?? 0) : 0
      if (baseOffset > end && end > 0) return end
      end = Math.max(end, baseOffset)
      eachBatch(bytes.subarray(0, Math.min(safe, bytes.length)), (at) => {
        end = batchLastOffset(bytes, at) + 1
      })
      if (safe < bytes.length) return end
    }
    return end
  }

  #readLedger(): void {
    for (const line of readFileSync(this.#ledger, 'utf8').split('\n')) {
      const [kind, inode, rest = ''] = line.split('\t')
      if (kind === 'file') {
        const known = this.#safeBytes.get(Number(inode)) ?? 0
        this.#safeBytes.set(Number(inode), Math.max(known, Number(rest)))
      } else if (kind === 'cut') {
        this.#safeBytes.set(Number(inode), Math.min(this.#safeBytes.get(Number(inode)) ?? 0, Number(rest)))
      } else if (kind === 'folder') this.#safeNames.set(Number(inode), new Set(rest.split('/')))
    }
  }

  #entries(): { inode: number; path: string; isFolder: boolean; folderInode: number; name: string }[] {
    const root = {
      inode: statSync(this.#directory).ino,
      path: this.#directory,
      isFolder: true,
      folderInode: 0,
      name: '',
    }
    const below = readdirSync(this.#directory, { recursive: true, withFileTypes: true }).map((entry) => {
      const path = join(entry.parentPath, entry.name)
      const isFolder = entry.isDirectory()
      return {
        inode: statSync(path).ino,
        path,
        isFolder,
        folderInode: statSync(entry.parentPath).ino,
        name: entry.name,
      }
    })
    return [root, ...below]
  }
}
