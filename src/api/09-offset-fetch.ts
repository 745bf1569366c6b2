/**
 * OffsetFetch (key 9), versions 1-10: reads a group's committed offsets.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 2 brought 'all topics' by null, 7 the require-stable flag, 8 several groups in one request, 10 topic ids.
 */

import { defineForwarded } from './api.ts'

export const offsetFetch = defineForwarded({ key: 9, versions: [1, 10] })
