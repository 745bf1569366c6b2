/**
 * JoinGroup (key 11), versions 0-9: joins a classic group, or starts its rebalance.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 4 asks a new member to come back with the id that it was given, 5 brought static members.
 */

import { defineForwarded } from './api.ts'

export const joinGroup = defineForwarded({ key: 11, versions: [0, 9] })
