/**
 * AlterReplicaLogDirs (key 34), versions 1-2: moves replicas between log folders.
 *
 * Behaviour: the coordinator's: there is one folder, where everything lies already; others are not found. The front forwards the request's bytes to main as they are.
 * Versions: 2 changed the encoding only.
 */

import { defineForwarded } from './api.ts'

export const alterReplicaLogDirs = defineForwarded({ key: 34, versions: [1, 2] })
