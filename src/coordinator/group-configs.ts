/** What groups need to know of configs that each group may have for itself. */

/** The configs of groups: what was set on one, else what the broker's configs say for all. */
export interface GroupConfigs {
  /** The value, at the moment of the call, of a group config that is a number. */
  numberOf(groupId: string, name: string): number
}
