/**
 * CreatePartitions (key 37), versions 0-3: adds partitions to topics.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: no difference in behaviour.
 */

import { defineForwarded } from './api.ts'

export const createPartitions = defineForwarded({ key: 37, versions: [0, 3] })
