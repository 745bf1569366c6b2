/**
 * DescribeClientQuotas (key 48), versions 0-1: the limits that were set for users, clients and addresses.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 1 changed the encoding only.
 */

import { defineForwarded } from './api.ts'

export const describeClientQuotas = defineForwarded({ key: 48, versions: [0, 1] })
