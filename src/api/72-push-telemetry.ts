/**
 * PushTelemetry (key 72), version 0: takes the metrics that a client pushes (KIP-714).
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: there is but one.
 */

import { defineForwarded } from './api.ts'

export const pushTelemetry = defineForwarded({ key: 72, versions: [0, 0] })
