/**
 * Heartbeat (key 12), versions 0-4: keeps a member of a classic group alive.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 3 brought static members.
 */

import { defineForwarded } from './api.ts'

export const heartbeat = defineForwarded({ key: 12, versions: [0, 4] })
