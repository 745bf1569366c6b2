/**
 * DescribeTransactions (key 65), version 0: tells how far transactions are.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: only 0.
 */

import { defineForwarded } from './api.ts'

export const describeTransactions = defineForwarded({ key: 65, versions: [0, 0] })
