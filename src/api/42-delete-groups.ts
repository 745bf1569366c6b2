/**
 * DeleteGroups (key 42), versions 0-2: deletes empty groups.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: no difference in behaviour.
 */

import { defineForwarded } from './api.ts'

export const deleteGroups = defineForwarded({ key: 42, versions: [0, 2] })
