/**
 * DescribeConfigs (key 32), versions 1-4: lists every config with its value, source and default.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 3 brought types and documentation.
 */

import { defineForwarded } from './api.ts'

export const describeConfigs = defineForwarded({ key: 32, versions: [1, 4] })
