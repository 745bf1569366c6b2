/**
 * EndTxn (key 26), versions 0-5: commits or aborts a producer's transaction.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 5 gives the producer a new epoch with each end (KIP-890); before it the epoch stays.
 */

import { defineForwarded } from './api.ts'

export const endTxn = defineForwarded({ key: 26, versions: [0, 5] })
