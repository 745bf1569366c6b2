/**
 * AddPartitionsToTxn (key 24), versions 0-5: makes partitions part of a producer's transaction.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: versions to 3 are what clients send; from 4 on brokers ask for many transactions at once, which works here too. A client before
 * version 2 is told of INVALID_PRODUCER_EPOCH where later ones know PRODUCER_FENCED.
 */

import { defineForwarded } from './api.ts'

export const addPartitionsToTxn = defineForwarded({ key: 24, versions: [0, 5] })
