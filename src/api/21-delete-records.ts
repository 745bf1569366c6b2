/**
 * DeleteRecords (key 21), versions 0-2: moves a partition's log start.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: no difference in behaviour.
 */

import { defineForwarded } from './api.ts'

export const deleteRecords = defineForwarded({ key: 21, versions: [0, 2] })
