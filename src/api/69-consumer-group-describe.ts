/**
 * ConsumerGroupDescribe (key 69), versions 0-1: consumer groups with their members, epochs and targets (KIP-848).
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 1 tells which protocol a member speaks.
 */

import { defineForwarded } from './api.ts'

export const consumerGroupDescribe = defineForwarded({ key: 69, versions: [0, 1] })
