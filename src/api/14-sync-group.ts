/**
 * SyncGroup (key 14), versions 0-5: hands out a classic group's assignment.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 3 brought static members, 5 the protocol's type and name.
 */

import { defineForwarded } from './api.ts'

export const syncGroup = defineForwarded({ key: 14, versions: [0, 5] })
