/**
 * DescribeQuorum (key 55), versions 0-2: who keeps the metadata log.
 *
 * Behaviour: the coordinator's: this broker is the only voter, and there are no observers. The front forwards the request's bytes to main as they are.
 * Versions: 1 brought the times of the last fetch, 2 directory ids and the voters' endpoints; the voter has none.
 */

import { defineForwarded } from './api.ts'

export const describeQuorum = defineForwarded({ key: 55, versions: [0, 2] })
