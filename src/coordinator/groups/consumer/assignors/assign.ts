/** The assignors by the names that members and `group.consumer.assignors` give them. */

import { assignRange } from './range.ts'
import type { GroupSpec, GroupTargets } from './spec.ts'
import { assignUniformHeterogeneous } from './uniform-heterogeneous.ts'
import { assignUniformHomogeneous } from './uniform-homogeneous.ts'

/** Kafka's assignors, the default first. */
export const assignorNames = ['uniform', 'range'] as const

/** The targets of all members. An unknown name counts as `uniform`. */
export function assign(assignor: string, spec: GroupSpec): GroupTargets {
  if (assignor === 'range') return assignRange(spec)
  return spec.isHomogeneous ? assignUniformHomogeneous(spec) : assignUniformHeterogeneous(spec)
}
