/** The words for a place that keeps files: the local engine writes through them to a real folder or to shared memory. */

/** A small filesystem. Paths are relative to its root and use '/'; all errors carry an errno name as `code`. */
export interface Disk {
  /** False where data ends with the process: syncing means nothing there, and folders need nothing that only Kafka's tools read. */
  readonly isDurable: boolean
  /** How full a bounded disk is; undefined where the operating system decides. */
  readonly space: DiskSpace | undefined
  /** 'write' creates the file (its folder must exist); 'read' throws ENOENT where there is none. */
  open(path: string, mode: 'read' | 'write'): DiskFile
  exists(path: string): boolean
  /** Bytes of a file; undefined where there is none. */
  sizeOf(path: string): number | undefined
  /** When a file was last written, in milliseconds since 1970; undefined where there is none, or where that is not known. */
  modifiedMs(path: string): number | undefined
  /** Names in a folder, in no order; empty where the folder is missing. */
  list(directory: string): string[]
  /** Creates a folder and those above it; nothing happens where it exists. */
  makeDirectory(path: string): void
  /** Removes a file or a whole folder; nothing happens where there is none. */
  remove(path: string): void
  /** The same without blocking: large files take long to go. */
  removeAsync(path: string): Promise<void>
  /** Renames a file or folder; an existing file at `target` is replaced at once. */
  rename(source: string, target: string): void
  /** Makes created, renamed and removed names durable. */
  syncDirectory(path: string): void
  syncDirectoryAsync(path: string): Promise<void>
  /** Closes what is open; files may not be used afterwards. */
  close(): void
}

/** The room of a bounded disk, shared by all who use it. */
export interface DiskSpace {
  readonly bytesMax: number
  /** Files take whole blocks of this many bytes. */
  readonly blockBytes: number
  usedBytes(): number
  /** Folders that exist now: who must share the room. */
  directoryCount(): number
}

/** A file. Reads and writes give their position, so that several may be under way. */
export interface DiskFile {
  /** Bytes in the file now. */
  size(): number
  /**
   * Writes the buffers one after another from `position` on. May write less than all: the count is returned (see writeAll).
   * A bounded disk writes all or throws ENOSPC and writes nothing.
   */
  writev(buffers: readonly Uint8Array[], position: number): number
  /** Fills `target` from `position` on, as far as the file goes; answers with the bytes read. */
  read(target: Uint8Array, position: number): number
  readAsync(target: Uint8Array, position: number): Promise<number>
  truncate(size: number): void
  /** Makes the data durable; blocks. */
  sync(): void
  syncAsync(): Promise<void>
  /** Lets go of the file; operations under way still finish. */
  close(): void
}

/** The system takes 1,024 buffers a call. */
const buffersPerWriteMax = 1024

/** Writes all of `buffers` from `position` on, however short single writes are. Throws the disk's errors. */
export function writeAll(file: DiskFile, buffers: readonly Uint8Array[], position: number): void {
  let next = 0
  let at = position
  while (next < buffers.length) {
    const group = buffers.length <= buffersPerWriteMax ? buffers : buffers.slice(next, next + buffersPerWriteMax)
    next += group.length
    at += writeGroup(file, group, at)
  }
}

function writeGroup(file: DiskFile, group: readonly Uint8Array[], position: number): number {
  let totalBytes = 0
  for (const buffer of group) totalBytes += buffer.length
  let written = file.writev(group, position)
  while (written < totalBytes) {
    const more = file.writev(afterBytes(group, written), position + written)
    // A write of nothing without an error would make this loop endless; the disk is not to be trusted then.
    if (more <= 0) throw Object.assign(new Error('EIO: the disk wrote nothing'), { code: 'EIO' })
    written += more
  }
  return totalBytes
}

/** What is left of `buffers` behind their first `skipBytes`. */
function afterBytes(buffers: readonly Uint8Array[], skipBytes: number): Uint8Array[] {
  const rest: Uint8Array[] = []
  let skip = skipBytes
  for (const buffer of buffers) {
    if (skip >= buffer.length) {
      skip -= buffer.length
      continue
    }
    rest.push(skip === 0 ? buffer : buffer.subarray(skip))
    skip = 0
  }
  return rest
}

/** Reads a whole small file; undefined where there is none. */
export function readWhole(disk: Disk, path: string): Buffer | undefined {
  const size = disk.sizeOf(path)
  if (size === undefined) return undefined
  const file = disk.open(path, 'read')
  try {
    const bytes = Buffer.allocUnsafe(size)
    return bytes.subarray(0, file.read(bytes, 0))
  } finally {
    file.close()
  }
}

/** Replaces a whole small file at once: after a crash it holds the old or the new bytes. `isSynced` makes it durable too. */
export function replaceWhole(disk: Disk, path: string, bytes: Uint8Array, isSynced: boolean): void {
  const file = disk.open(`${path}.tmp`, 'write')
  try {
    // Some file systems flush a file at its close once it was cut to nothing: not without need.
    if (file.size() > 0) file.truncate(0)
    writeAll(file, [bytes], 0)
    if (isSynced) file.sync()
  } finally {
    file.close()
  }
  disk.rename(`${path}.tmp`, path)
  const slash = path.lastIndexOf('/')
  if (isSynced) disk.syncDirectory(slash < 0 ? '' : path.slice(0, slash))
}
