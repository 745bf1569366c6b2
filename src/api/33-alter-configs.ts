/**
 * AlterConfigs (key 33), versions 0-2: replaces the configs of topics.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: no difference in behaviour.
 */

import { defineForwarded } from './api.ts'

export const alterConfigs = defineForwarded({ key: 33, versions: [0, 2] })
