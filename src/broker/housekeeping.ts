/** The housekeeper pool: self-contained work on files that no other thread should be kept waiting by. */

import type { Logger } from '../base/logger.ts'
import { partitionDirectory } from '../base/topology.ts'
import type { NewTopic } from '../coordinator/ports.ts'
import type { Disk } from '../log/disk.ts'
import { usableCores } from './cpu-quota.ts'

/** One partition's folder that is to be recovered. */
export type RecoveryJob = {
  readonly root: string
  readonly topic: Pick<NewTopic, 'name' | 'id' | 'settings'>
  readonly partition: number
  readonly leaderEpoch: number
}

/** Progress is said after each of these many folders. */
const foldersPerLine = 1_000

const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js'

/**
 * Recovers partition folders side by side, after a stop that was no clean one, or another broker's. The owners then open folders that need no
 * more reading. A folder that cannot be recovered is left to its owner, which takes the partition offline and says why.
 */
export async function recoverFolders({ disk, root, topics, reason, logger }: RecoveryPlan): Promise<void> {
  const jobs: RecoveryJob[] = []
  for (const { name, id, settings, partitionCount, leaderEpochs } of topics) {
    if (settings.storage !== 'local') continue
    for (let partition = 0; partition < partitionCount; partition++) {
      if (!disk.exists(partitionDirectory(name, partition))) continue
      jobs.push({ root, topic: { name, id, settings }, partition, leaderEpoch: leaderEpochs[partition] ?? 0 })
    }
  }
  if (jobs.length === 0) return
  logger.info(`${reason}: checking ${jobs.length} partition folders`)
  // Loaded only when there is work for it, so that an ordinary start does not pay for it.
  const { Piscina } = await import('piscina')
  const pool = new Piscina({
    filename: new URL(`../../workers/housekeeper${ending}`, import.meta.url).href,
    minThreads: 1,
    maxThreads: usableCores(),
  })
  let finished = 0
  try {
    await Promise.all(
      jobs.map(async (job) => {
        const recovery: string = await pool.run(job, { name: 'recoverPartition' })
        const name = partitionDirectory(job.topic.name, job.partition)
        if (recovery !== '') logger.info(`${name}: ${recovery}`)
        if (++finished % foldersPerLine === 0) logger.info(`checked ${finished} of ${jobs.length} partition folders`)
      }),
    )
  } finally {
    await pool.destroy()
  }
}

type RecoveryPlan = {
  readonly disk: Disk
  readonly root: string
  readonly topics: readonly NewTopic[]
  /** Why they are checked, in a few words. */
  readonly reason: string
  readonly logger: Logger
}
