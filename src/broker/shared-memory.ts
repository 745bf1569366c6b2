/** Makes the shared memory that the broker's threads live in, and opens the data folder that it stands for. */

import type { Random } from '../base/random.ts'
import type { DiskSpec, Topology } from '../base/topology.ts'
import { MemoryDisk } from '../log/memory-disk.ts'
import { Rates, type RateWindows } from '../metrics/rates.ts'
import { Bell } from '../ring/bell.ts'
import { ByteQueue } from '../ring/queue.ts'
import { PartitionTable } from '../ring/table.ts'
import type { BrokerConfig } from './config.ts'
import { quotaWindowsOf } from './coordinator-settings.ts'
import { newClusterId, prepareDataDirectory } from './data-directory.ts'
import { lockFolder } from './folder-lock.ts'
import type { FrontSettings } from './remotes.ts'

/** Partitions of one broker; the table's untouched part costs no memory. */
export const partitionsMax = 65_536
/** Bytes of each direction of a front's queue to main: some hundred group requests; larger ones travel in parts. */
const queueBytes = 1024 * 1024

/** All that threads share, and main's own view of it. */
export type SharedMemory = {
  readonly clusterId: string
  /** The data folder's own id, in hexadecimal; undefined where there is none. */
  readonly directoryId: string | undefined
  readonly topology: Topology
  readonly fronts: readonly FrontSettings[]
  /** Rates of clients that are limited, and how they are taken. */
  readonly quotaRates: SharedArrayBuffer
  readonly quotaWindows: RateWindows
  readonly mainBell: Bell
  /** Lets the data folder go, so that another broker may start in it. */
  readonly releaseFolder: () => void
}

/** Makes the shared memory. Throws SAFKA_DATA_DIRECTORY when the data folder cannot be used. */
export function shareMemory(config: BrokerConfig, random: Random): SharedMemory {
  const isLocal = config.storage === 'local'
  const { clusterId, directoryId } = isLocal
    ? prepareDataDirectory(config.dataDirectory, { nodeId: config.nodeId, random })
    : { clusterId: newClusterId(random), directoryId: undefined }
  const lock = isLocal ? lockFolder(config.dataDirectory) : undefined
  const frontCount = config.owners === 0 ? 1 : config.fronts
  const quotaWindows = quotaWindowsOf(config.kafka)
  const quotaRates = Rates.create({ lanes: frontCount + 1, windows: quotaWindows })
  const mainBellMemory = Bell.create(partitionsMax)
  const memory: DiskSpec = { kind: 'memory', memory: MemoryDisk.create(config.memoryBytesMax) }
  const topology: Topology = {
    table: PartitionTable.create(partitionsMax),
    writerBells: [mainBellMemory, ...times(frontCount, () => Bell.create(partitionsMax))],
    ownerBells: times(Math.max(1, config.owners), () => Bell.create(partitionsMax)),
    disks: isLocal ? { local: { kind: 'real', root: config.dataDirectory }, memory } : { memory },
  }
  const fronts = times(
    frontCount,
    (front): FrontSettings => ({
      clusterId,
      nodeId: config.nodeId,
      writer: front + 1,
      requests: ByteQueue.create(queueBytes),
      responses: ByteQueue.create(queueBytes),
      quotaRates,
      quotaWindows,
      reusePort: frontCount > 1,
      requestBytesMax: config.requestBytesMax,
      connectionsMax: config.connectionsMax,
      halfReceivedBytesMax: config.halfReceivedBytesMax,
      parkedFetchesMax: config.parkedFetchesMax,
      fetchBytesMax: config.fetchBytesMax,
      fetchSessionsMax: config.fetchSessionsMax,
      autoCreateTopics: config.autoCreateTopics,
    }),
  )
  return {
    clusterId,
    directoryId,
    topology,
    quotaRates,
    quotaWindows,
    fronts,
    mainBell: new Bell(mainBellMemory),
    releaseFolder: () => lock?.release(),
  }
}

function times<Made>(count: number, make: (index: number) => Made): Made[] {
  return Array.from({ length: count }, (_, index) => make(index))
}
