/**
 * AlterPartitionReassignments (key 45), versions 0-1: moves partitions to other replicas.
 *
 * Behaviour: the coordinator's: partitions can only stay where they are, which is done at once. The front forwards the request's bytes to main as they are.
 * Versions: 1 lets a client forbid that the replication factor changes, which it never does.
 */

import { defineForwarded } from './api.ts'

export const alterPartitionReassignments = defineForwarded({ key: 45, versions: [0, 1] })
