/**
 * GetTelemetrySubscriptions (key 71), version 0: which metrics a client is to push, and how often (KIP-714).
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: there is but one.
 */

import { defineForwarded } from './api.ts'

export const getTelemetrySubscriptions = defineForwarded({ key: 71, versions: [0, 0] })
