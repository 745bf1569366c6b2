/**
 * ConsumerGroupHeartbeat (key 68), versions 0-1: a member of a consumer group joins, goes on, or leaves (KIP-848).
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 1 brought regular expressions, and member ids that clients choose.
 */

import { defineForwarded } from './api.ts'

export const consumerGroupHeartbeat = defineForwarded({ key: 68, versions: [0, 1] })
