/** The housekeeper pool: self-contained work on files that no other thread should be kept waiting by. */

import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { partitionDirectory, type Recovery } from '../base/topology.ts'
import type { NewTopic } from '../coordinator/ports.ts'
import type { Disk } from '../log/disk.ts'
import { bytesToCheck } from '../log/local/recovery-size.ts'
import { usableCores } from './cpu-quota.ts'
import { RecoveryProgress } from './recovery-progress.ts'

/** One partition's folder that is to be recovered. */
export type RecoveryJob = {
  readonly root: string
  readonly topic: Pick<NewTopic, 'name' | 'id' | 'settings'>
  readonly partition: number
  readonly leaderEpoch: number
}

const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js'

/**
 * Recovers partition folders side by side, after a stop that was no clean one, or another broker's. The owners then open folders that need no
 * more reading. A folder that cannot be recovered is left to its owner, which takes the partition offline and says why.
 */
export async function recoverFolders({ disk, root, topics, reason, clock, logger }: RecoveryPlan): Promise<void> {
  const jobs = jobsOf(topics, root, disk)
  if (jobs.length === 0) return
  const bytes = jobs.reduce((sum, job) => sum + job.bytes, 0)
  const progress = new RecoveryProgress({ reason, clock, logger, partitions: jobs.length, bytes })
  // Loaded only when there is work for it, so that an ordinary start does not pay for it.
  const { Piscina } = await import('piscina')
  const pool = new Piscina({
    filename: new URL(`../../workers/housekeeper${ending}`, import.meta.url).href,
    minThreads: 1,
    maxThreads: usableCores(),
  })
  try {
    await Promise.all(
      jobs.map(async ({ job, bytes }) => {
        const recovery: Recovery = await pool.run(job, { name: 'recoverPartition' })
        progress.finished(partitionDirectory(job.topic.name, job.partition), bytes, recovery)
      }),
    )
  } finally {
    await pool.destroy()
  }
  progress.end()
}

/** A job for each folder that is there, the longest first, so that none is left over at the end. */
function jobsOf(topics: readonly NewTopic[], root: string, disk: Disk): { job: RecoveryJob; bytes: number }[] {
  const jobs: { job: RecoveryJob; bytes: number }[] = []
  for (const { name, id, settings, partitionCount, leaderEpochs } of topics) {
    if (settings.storage !== 'local') continue
    for (let partition = 0; partition < partitionCount; partition++) {
      const directory = partitionDirectory(name, partition)
      if (!disk.exists(directory)) continue
      const job = { root, topic: { name, id, settings }, partition, leaderEpoch: leaderEpochs[partition] ?? 0 }
      jobs.push({ job, bytes: sizeOf(disk, directory) })
    }
  }
  return jobs.sort((first, second) => second.bytes - first.bytes)
}

/** What cannot be read now is found out by its job, and does not keep the others from theirs. */
function sizeOf(disk: Disk, directory: string): number {
  try {
    return bytesToCheck(disk, directory)
  } catch {
    return 0
  }
}

type RecoveryPlan = {
  readonly disk: Disk
  readonly root: string
  readonly topics: readonly NewTopic[]
  /** Why they are checked, in a few words. */
  readonly reason: string
  readonly clock: Clock
  readonly logger: Logger
}
