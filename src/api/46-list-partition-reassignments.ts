/**
 * ListPartitionReassignments (key 46), version 0: the reassignments that are running.
 *
 * Behaviour: the coordinator's: there are never any. The front forwards the request's bytes to main as they are.
 * Versions: only 0.
 */

import { defineForwarded } from './api.ts'

export const listPartitionReassignments = defineForwarded({ key: 46, versions: [0, 0] })
