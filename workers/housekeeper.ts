/** The entry point of the housekeeper pool: each export is a task that needs nothing but its argument. */

import { systemClock } from '../src/base/clock.ts'
import { messageOf } from '../src/base/errors.ts'
import { silentLogger } from '../src/base/logger.ts'
import { systemRandom } from '../src/base/random.ts'
import type { Recovery } from '../src/base/topology.ts'
import type { RecoveryJob } from '../src/broker/housekeeping.ts'
import { openDisk } from '../src/log/open-disk.ts'
import { openEngine } from '../src/log/open-engine.ts'
import { recoverLog } from '../src/partition/open-partition.ts'

/** Compacts one partition's log, step by step as it is told to. */
export { answerCleaning as cleanPartition } from '../src/broker/remote-cleaning.ts'

/** Checks and repairs one partition's folder; answers with what was done. */
export function recoverPartition({ root, topic, partition, leaderEpoch }: RecoveryJob): Recovery {
  const disk = openDisk({ kind: 'real', root })
  try {
    const { name, id: topicId, settings } = topic
    return recoverLog({
      open: { topic: name, topicId, partition, slot: 0, settings, leaderEpoch },
      openEngine,
      disk: () => disk,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      onProgress: () => undefined,
    })
  } catch (thrown) {
    return { checkedBytes: 0, repairs: `could not be recovered: ${messageOf(thrown)}` }
  } finally {
    disk.close()
  }
}
