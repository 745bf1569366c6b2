/**
 * UpdateFeatures (key 57), versions 0-2: changes the levels of features.
 *
 * Behaviour: the coordinator's: the levels are fixed by the code, and anything else than what is there is refused. The front forwards the request's bytes to main as they are.
 * Versions: 1 brought validation alone and unsafe downgrades; 2 lists no features in the answer.
 */

import { defineForwarded } from './api.ts'

export const updateFeatures = defineForwarded({ key: 57, versions: [0, 2] })
