/** The entry point of the housekeeper pool: each export is a task that needs nothing but its argument. */

import { systemClock } from '../src/base/clock.ts'
import { messageOf } from '../src/base/errors.ts'
import { systemRandom } from '../src/base/random.ts'
import type { RecoveryJob } from '../src/broker/housekeeping.ts'
import { openDisk } from '../src/log/open-disk.ts'
import { openEngine } from '../src/log/open-engine.ts'

/** Checks and repairs one partition's folder; answers with what was done, '' for nothing. */
export function recoverPartition({ root, topic, partition }: RecoveryJob): string {
  const disk = openDisk({ kind: 'real', root })
  try {
    const { engine, recovery } = openEngine({
      storage: 'local',
      disk,
      topic: topic.name,
      topicId: topic.id,
      partition,
      settings: topic.settings,
      clock: systemClock,
      random: systemRandom,
    })
    engine.close()
    return recovery
  } catch (thrown) {
    return `could not be recovered: ${messageOf(thrown)}`
  } finally {
    disk.close()
  }
}
