/**
 * InitProducerId (key 22), versions 0-5: gives a producer its id and epoch.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 3 brought the id to be bumped, 4 PRODUCER_FENCED in place of INVALID_PRODUCER_EPOCH.
 */

import { defineForwarded } from './api.ts'

export const initProducerId = defineForwarded({ key: 22, versions: [0, 5] })
