/**
 * LeaveGroup (key 13), versions 0-5: takes members out of a classic group.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 3 brought several members in one request, 5 a reason.
 */

import { defineForwarded } from './api.ts'

export const leaveGroup = defineForwarded({ key: 13, versions: [0, 5] })
