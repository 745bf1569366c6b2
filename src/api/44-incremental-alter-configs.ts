/**
 * IncrementalAlterConfigs (key 44), versions 0-1: sets, deletes, appends to and subtracts from configs of topics.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: no difference in behaviour.
 */

import { defineForwarded } from './api.ts'

export const incrementalAlterConfigs = defineForwarded({ key: 44, versions: [0, 1] })
