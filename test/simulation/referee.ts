/** Knows which member of which group was given which partitions: no generation may give one to two members. */

import { Violation } from './world.ts'

export class Referee {
  readonly #owners = new Map<string, string>()

  /** A member learned its share of a generation. */
  assigned(share: {
    readonly group: number
    readonly generation: number
    readonly member: string
    readonly partitions: readonly number[]
  }): void {
    for (const partition of share.partitions) {
      const key = `${share.group}/${share.generation}/${partition}`
      const owner = this.#owners.get(key)
      if (owner !== undefined && owner !== share.member) {
        throw new Violation(
          `generation ${share.generation} of group ${share.group} gives partition ${partition} to ${owner} and ${share.member}`,
        )
      }
      this.#owners.set(key, share.member)
    }
  }

  /** After coordinator state was lost, generations may be counted anew. */
  forget(): void {
    this.#owners.clear()
  }
}
