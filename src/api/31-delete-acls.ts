/**
 * DeleteAcls (key 31), versions 1-3: removes the access control lists that filters match.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 1 brought the kinds of patterns (KIP-290), 2 changed the encoding only, 3 brought users as resources.
 */

import { defineForwarded } from './api.ts'

export const deleteAcls = defineForwarded({ key: 31, versions: [1, 3] })
