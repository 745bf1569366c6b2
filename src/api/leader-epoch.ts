/** Leader epochs on a broker that leads everything for ever: there is one epoch, 0. */

import { ErrorCode } from '../wire/generated/errors.ts'

/** The epoch of every partition's leader. */
export const leaderEpoch = 0

/** Checks the epoch that a client believes in; -1 means that it has no opinion. */
export function errorOfLeaderEpoch(currentLeaderEpoch: number): number {
  if (currentLeaderEpoch === -1 || currentLeaderEpoch === leaderEpoch) return ErrorCode.NONE
  return currentLeaderEpoch > leaderEpoch ? ErrorCode.UNKNOWN_LEADER_EPOCH : ErrorCode.FENCED_LEADER_EPOCH
}
