/**
 * AddOffsetsToTxn (key 25), versions 0-4: makes a group's offsets part of a producer's transaction.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: a client before version 2 is told of INVALID_PRODUCER_EPOCH where later ones know PRODUCER_FENCED.
 */

import { defineForwarded } from './api.ts'

export const addOffsetsToTxn = defineForwarded({ key: 25, versions: [0, 4] })
