/**
 * DeleteTopics (key 20), versions 1-6: deletes topics and their data.
 *
 * Behaviour: the coordinator's; the front forwards the request's bytes to main as they are.
 * Versions: 6 brought deletion by id.
 */

import { defineForwarded } from './api.ts'

export const deleteTopics = defineForwarded({ key: 20, versions: [1, 6] })
