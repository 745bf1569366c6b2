/**
 * ListTransactions (key 66), versions 0-1: lists transactional ids by state, producer id and age.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 1 brought the age. 2, which brought patterns that the broker is to match, is not offered (SKIPPED.md).
 */

import { defineForwarded } from './api.ts'

export const listTransactions = defineForwarded({ key: 66, versions: [0, 1] })
