/** The data folder: made if missing, proved writable, and marked with the cluster's id as Kafka marks its own. */

import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { errnoOf, messageOf, SafkaError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'

const fileName = 'meta.properties'
/** Of the file: 0 was that of brokers that used ZooKeeper. */
const fileVersion = 1

/** What the folder says of the broker that it belongs to. */
export type DataDirectory = {
  readonly clusterId: string
  /** The folder's own id, in hexadecimal; undefined where Kafka gave it none (before 3.7). */
  readonly directoryId: string | undefined
}

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
    const version = Number(present.get('version') ?? fileVersion)
    if (version !== fileVersion) throw unusable(path, versionProblem(version))
    const owner = present.get('node.id')
    if (owner !== undefined && Number(owner) !== nodeId) {
      throw unusable(
        path,
        `it belongs to node ${owner}, this is node ${nodeId}: choose another folder or --node-id ${owner}`,
      )
    }
    const directoryId = present.get('directory.id')
    return {
      clusterId: present.get('cluster.id') ?? newClusterId(random),
      directoryId: directoryId === undefined ? undefined : Buffer.from(directoryId, 'base64url').toString('hex'),
    }
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
  const directoryId = random.uuid()
  const temporary = join(path, `${fileName}.tmp`)
  writeFileSync(
    temporary,
    `#\ncluster.id=${clusterId}\ndirectory.id=${directoryId.toString('base64url')}\nnode.id=${nodeId}\nversion=${fileVersion}\n`,
  )
  renameSync(temporary, join(path, fileName))
  return { clusterId, directoryId: directoryId.toString('hex') }
}

function versionProblem(version: number): string {
  if (version < fileVersion) return 'it was written by an Apache Kafka with ZooKeeper: upgrade that to KRaft first'
  return `its ${fileName} has version ${version}, and only ${fileVersion} is known`
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
