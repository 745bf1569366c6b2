/**
 * WriteTxnMarkers (key 27), versions 1-2: ends a transaction in single partitions, as administrators do with one that hangs.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 2 brought the version of the transaction, which changes nothing here.
 */

import { defineForwarded } from './api.ts'

export const writeTxnMarkers = defineForwarded({ key: 27, versions: [1, 2] })
