/** Opens the disk that a spec names, in whichever thread. */

import type { DiskSpec } from '../base/topology.ts'
import type { Disk } from './disk.ts'
import { MemoryDisk } from './memory-disk.ts'
import { RealDisk } from './real-disk.ts'

/** Each thread opens its own Disk over the shared folder or memory. Throws where a real root cannot be made. */
export function openDisk(spec: DiskSpec): Disk {
  return spec.kind === 'real' ? new RealDisk(spec.root) : new MemoryDisk(spec.memory)
}
