/**
 * ListConfigResources (key 74), versions 0-1: what there is that has configs.
 *
 * Behaviour: the coordinator's. The front forwards the request's bytes to main as they are.
 * Versions: 0 was ListClientMetricsResources and lists only those; 1 lists the kinds that are asked for, or all.
 */

import { defineForwarded } from './api.ts'

export const listConfigResources = defineForwarded({ key: 74, versions: [0, 1] })
