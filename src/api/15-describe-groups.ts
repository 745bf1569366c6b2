/**
 * DescribeGroups (key 15), versions 0-6: tells the state and the members of groups.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 3 brought authorized operations, 6 an error for groups that do not exist.
 */

import { defineForwarded } from './api.ts'

export const describeGroups = defineForwarded({ key: 15, versions: [0, 6] })
