/**
 * AlterClientQuotas (key 49), versions 0-1: sets limits for users, clients and addresses, and takes them away.
 *
 * Behaviour: the coordinator's, which keeps them; nothing acts upon them yet. The front forwards the request's bytes to main as they are.
 * Versions: 1 changed the encoding only.
 */

import { defineForwarded } from './api.ts'

export const alterClientQuotas = defineForwarded({ key: 49, versions: [0, 1] })
