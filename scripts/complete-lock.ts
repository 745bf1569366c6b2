/** Completes package-lock.json after an install: `npm ci` refuses a lock file that leaves out other systems' binaries. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { projectRoot } from './project.ts'

/** One package in the lock file, as far as it matters here. */
type LockEntry = {
  readonly version?: string
  readonly dev?: boolean
  readonly license?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

type LockFile = { packages: Record<string, LockEntry> }

const lockFile = join(projectRoot, 'package-lock.json')

/** Names and versions of optional packages that the lock file mentions but does not hold. */
export function missingEntries(lock = readLock()): { name: string; version: string; of: LockEntry }[] {
  return Object.values(lock.packages).flatMap((entry) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => lock.packages[`node_modules/${name}`] === undefined)
      .map(([name, version]) => ({ name, version, of: entry })),
  )
}

function readLock(): LockFile {
  return JSON.parse(readFileSync(lockFile, 'utf8'))
}

/** The npm client leaves an optional package out when its registry does not answer for it; its system is in its name. */
function entryFor(name: string, version: string, of: LockEntry): LockEntry {
  const system = /-(android|darwin|freebsd|linux|win32)-(arm64|arm|ia32|x64)(?:-(musl))?$/.exec(name)
  if (system === null || !/^\d/.test(version)) throw new Error(`cannot tell which system ${name}@${version} is for`)
  return {
    version,
    ...{ cpu: [system[2]] },
    ...(of.dev === true ? { dev: true } : {}),
    ...(system[3] === undefined ? {} : { libc: [system[3]] }),
    ...(of.license === undefined ? {} : { license: of.license }),
    ...{ optional: true, os: [system[1]] },
  }
}

function main(): void {
  const lock = readLock()
  const missing = missingEntries(lock)
  for (const { name, version, of } of missing) lock.packages[`node_modules/${name}`] = entryFor(name, version, of)
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1))
  if (missing.length > 0) {
    writeFileSync(lockFile, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`)
  }
  console.log(
    missing.length === 0 ? 'the lock file is complete' : `added ${missing.map(({ name }) => name).join(', ')}`,
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
