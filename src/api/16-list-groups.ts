/**
 * ListGroups (key 16), versions 0-5: lists the groups.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 4 brought a filter by state, 5 one by type.
 */

import { defineForwarded } from './api.ts'

export const listGroups = defineForwarded({ key: 16, versions: [0, 5] })
