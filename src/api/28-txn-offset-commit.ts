/**
 * TxnOffsetCommit (key 28), versions 0-5: commits a group's offsets within a transaction.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 3 brought the member that commits, 4 TRANSACTION_ABORTABLE, 5 makes the offsets part of the transaction by itself.
 */

import { defineForwarded } from './api.ts'

export const txnOffsetCommit = defineForwarded({ key: 28, versions: [0, 5] })
