/** How many cores this process may use: the machine's, or fewer where its container has a CPU quota. */

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { posix } from 'node:path'

/** Reads a small text file; undefined where there is none. */
export type ReadText = (path: string) => string | undefined

/** Whole cores that this process may use, at least 1. Part of a core that a quota grants is not counted. */
export function usableCores({ readText = readTextFile, cores = availableParallelism() } = {}): number {
  const quota = cpuQuota(readText)
  return Math.max(1, Math.min(cores, quota === undefined ? cores : Math.floor(quota)))
}

/** The CPU quota of the process's control group in cores, the tightest of all groups above it; undefined: none. */
export function cpuQuota(readText: ReadText): number | undefined {
  const quotas = controlGroups(readText).flatMap(({ isUnified, folder }) => {
    const quota = isUnified ? unifiedQuota(readText, folder) : legacyQuota(readText, folder)
    return quota === undefined ? [] : [quota]
  })
  return quotas.length === 0 ? undefined : Math.min(...quotas)
}

type ControlGroup = { readonly isUnified: boolean; readonly folder: string }

/** The folders of the process's groups, from its own up to the root, of both versions of control groups. */
function controlGroups(readText: ReadText): ControlGroup[] {
  const own = readText('/proc/self/cgroup') ?? ''
  const groups: ControlGroup[] = []
  for (const line of own.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line.trim()) ?? []
    if (path === undefined || controllers === undefined) continue
    const isUnified = controllers === ''
    if (!isUnified && !controllers.split(',').includes('cpu')) continue
    const roots = isUnified ? ['/sys/fs/cgroup'] : ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct']
    for (const root of roots) {
      for (const folder of upwards(path)) groups.push({ isUnified, folder: posix.join(root, folder) })
    }
  }
  return groups
}

/** '/a/b' → '/a/b', '/a', '/'. Inside a container the path may lie outside of what is mounted: then only the root is found. */
function upwards(path: string): string[] {
  const folders: string[] = []
  for (let folder = posix.normalize(path); folder !== '/'; folder = posix.dirname(folder)) folders.push(folder)
  return [...folders, '/']
}

/** Version 2: `cpu.max` holds "quota period" in microseconds, or "max period". */
function unifiedQuota(readText: ReadText, folder: string): number | undefined {
  const [quota, period] = (readText(posix.join(folder, 'cpu.max')) ?? '').trim().split(/\s+/)
  return quota === 'max' ? undefined : cores(quota, period)
}

/** Version 1: two files; a quota of -1 means none. */
function legacyQuota(readText: ReadText, folder: string): number | undefined {
  return cores(readText(posix.join(folder, 'cpu.cfs_quota_us')), readText(posix.join(folder, 'cpu.cfs_period_us')))
}

function cores(quota: string | undefined, period: string | undefined): number | undefined {
  const quotaMicroseconds = Number(quota?.trim() || Number.NaN)
  const periodMicroseconds = Number(period?.trim() || Number.NaN)
  return quotaMicroseconds > 0 && periodMicroseconds > 0 ? quotaMicroseconds / periodMicroseconds : undefined
}

function readTextFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Not on Linux, or not in such a group: there is no quota to respect.
    return undefined
  }
}
