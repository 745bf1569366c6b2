/**
 * CreateTopics (key 19), versions 2-7: creates topics; they can be written once it answers.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 4 brought the broker's defaults for -1, 5 the configs in the response, 7 topic ids.
 */

import { defineForwarded } from './api.ts'

export const createTopics = defineForwarded({ key: 19, versions: [2, 7] })
