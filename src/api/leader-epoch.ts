/** Leader epochs on a broker that leads everything for ever: what a partition has at its opening stays. */

import { ErrorCode } from '../wire/generated/errors.ts'

/** Checks the epoch that a client believes in against the partition's own; -1 means that it has no opinion. */
export function errorOfLeaderEpoch(currentLeaderEpoch: number, leaderEpoch: number): number {
  if (currentLeaderEpoch === -1 || currentLeaderEpoch === leaderEpoch) return ErrorCode.NONE
  return currentLeaderEpoch > leaderEpoch ? ErrorCode.UNKNOWN_LEADER_EPOCH : ErrorCode.FENCED_LEADER_EPOCH
}
