/**
 * ElectLeaders (key 43), versions 0-2: lets partitions choose another leader.
 *
 * Behaviour: the coordinator's: one broker leads everything, and no election is ever needed. The front forwards the request's bytes to main as they are.
 * Versions: 1 brought unclean elections and an error for the whole request.
 */

import { defineForwarded } from './api.ts'

export const electLeaders = defineForwarded({ key: 43, versions: [0, 2] })
