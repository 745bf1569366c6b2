/** A folder as one compressed file: for folders that real brokers wrote, so that tests can open them without these. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'

/** What is kept beside the files. */
export type Archive<Facts> = { readonly facts: Facts; readonly folder: Readonly<Record<string, string>> }

/** Packs all files below a folder, but for those whose name `isLeftOut`. */
export function packFolder<Facts>(root: string, facts: Facts, isLeftOut: (name: string) => boolean): Buffer {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const folder = files
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => !isLeftOut(path))
    .toSorted()
    .map((path) => [path.replaceAll('\\', '/'), readFileSync(join(root, path)).toString('base64')] as const)
  const archive: Archive<Facts> = { facts, folder: Object.fromEntries(folder) }
  return gzipSync(JSON.stringify(archive), { level: 9 })
}

/** Writes the files below `root`, and answers with what was kept beside them. */
export function unpackFolder<Facts>(packed: Buffer, root: string): Facts {
  const archive: Archive<Facts> = JSON.parse(gunzipSync(packed).toString())
  for (const [path, content] of Object.entries(archive.folder)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), Buffer.from(content, 'base64'))
  }
  return archive.facts
}
