/**
 * DescribeProducers (key 61), version 0: tells which producers a partition knows, and where their open transactions begin.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are, and main asks the owners.
 * Versions: only 0.
 */

import { defineForwarded } from './api.ts'

export const describeProducers = defineForwarded({ key: 61, versions: [0, 0] })
