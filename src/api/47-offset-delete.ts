/**
 * OffsetDelete (key 47), version 0: deletes committed offsets.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: there is one.
 */

import { defineForwarded } from './api.ts'

export const offsetDelete = defineForwarded({ key: 47, versions: [0, 0] })
