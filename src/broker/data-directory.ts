/** The data folder: made if missing, proved writable, and marked with the cluster's id as Kafka marks its own. */

import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { errnoOf, messageOf, SafkaError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'

const fileName = 'meta.properties'

/** What the folder says of the broker that it belongs to. */
export type DataDirectory = { readonly clusterId: string }

/**
 * Opens or makes the folder. Throws SAFKA_DATA_DIRECTORY, in a sentence that says what to do, when it cannot be written
 * or belongs to another node.
 */
export function prepareDataDirectory(
  path: string,
  { nodeId, random }: { nodeId: number; random: Random },
): DataDirectory {
  try {
    makeFolder(resolve(path))
    const present = readProperties(join(path, fileName))
    if (present === undefined) return create(path, nodeId, random)
    const owner = present.get('node.id')
    if (owner !== undefined && Number(owner) !== nodeId) {
      throw unusable(
        path,
        `it belongs to node ${owner}, this is node ${nodeId}: choose another folder or --node-id ${owner}`,
      )
    }
    return { clusterId: present.get('cluster.id') ?? newClusterId(random) }
  } catch (thrown) {
    if (thrown instanceof SafkaError) throw thrown
    throw unusable(path, `${messageOf(thrown)}. Choose a folder that can be written with --data`, thrown)
  }
}

/** A cluster id as Kafka makes them: 16 random bytes in base64url. */
export function newClusterId(random: Random): string {
  return random.uuid().toString('base64url')
}

/**
 * Makes the folder and those above it. Node's own recursive way never ends, and answers no signal, where a folder that is
 * there says of a new one that it cannot be found: so do /proc and some network mounts.
 */
function makeFolder(path: string): void {
  if (existsSync(path) && statSync(path).isDirectory()) return
  if (!existsSync(dirname(path))) makeFolder(dirname(path))
  mkdirSync(path)
}

function create(path: string, nodeId: number, random: Random): DataDirectory {
  const clusterId = newClusterId(random)
  const temporary = join(path, `${fileName}.tmp`)
  writeFileSync(
    temporary,
    `#\ncluster.id=${clusterId}\ndirectory.id=${newClusterId(random)}\nnode.id=${nodeId}\nversion=1\n`,
  )
  renameSync(temporary, join(path, fileName))
  return { clusterId }
}

function readProperties(path: string): Map<string, string> | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined
    throw thrown
  }
  const lines = text.split('\n').filter((line) => line.includes('=') && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1).trim()]),
  )
}

function unusable(path: string, why: string, cause?: unknown): SafkaError {
  return new SafkaError('SAFKA_DATA_DIRECTORY', `the data folder ${path} cannot be used: ${why}`, { cause })
}
