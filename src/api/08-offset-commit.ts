/**
 * OffsetCommit (key 8), versions 2-10: commits a group's offsets.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 9 brought member epochs, 10 topic ids; an internal topic keeps what is committed.
 */

import { defineForwarded } from './api.ts'

export const offsetCommit = defineForwarded({ key: 8, versions: [2, 10] })
