/**
 * Hands out the members of a set from both ends, the least and the most loaded, as Kafka's MemberAssignmentBalancer does. The least
 * loaded ones form a range that grows to the right as its level rises, the most loaded ones a range that grows to the left:
 *
 *             least        most
 *   partitions [..->  ]##[#######]##   members at the right end that have nothing to give are taken out
 *              [#######]##[#######]##
 */

import { assertDefined } from '../../../../base/assert.ts'

export class LoadBalancer {
  /** By member index; the caller keeps it up to date. */
  readonly #loads: readonly number[]
  #members: number[] = []
  #leastEnd = 0
  #leastLevel = 0
  #nextLeast = 0
  #mostStart = 0
  #mostEnd = 0
  #mostLevel = 0
  #nextMost = -1

  constructor(loads: readonly number[]) {
    this.#loads = loads
  }

  /** Begins with a set of members, at least one; answers how far their loads are apart. */
  begin(members: readonly number[]): number {
    this.#members = [...members].sort((left, right) => this.#load(left) - this.#load(right) || left - right)
    const least = this.#loadAt(0)
    const most = this.#loadAt(this.#members.length - 1)
    this.#leastEnd = 0
    this.#leastLevel = least - 1
    this.#nextLeast = 0
    this.#mostStart = this.#members.length
    this.#mostEnd = this.#members.length
    this.#mostLevel = most + 1
    this.#nextMost = this.#members.length - 1
    return most - least
  }

  /** The member to give a partition to. */
  nextLeastLoaded(): number {
    if (this.#nextLeast >= this.#leastEnd) {
      this.#leastLevel += 1
      while (this.#leastEnd < this.#members.length && this.#loadAt(this.#leastEnd) === this.#leastLevel) {
        this.#leastEnd += 1
      }
      this.#nextLeast = 0
    }
    const member = assertDefined(this.#members[this.#nextLeast], 'a balancer without members')
    this.#nextLeast += 1
    return member
  }

  /** The member to take a partition from; undefined where all have been excluded. */
  nextMostLoaded(): number | undefined {
    if (this.#nextMost < this.#mostStart) {
      // A range that exclusions have emptied begins anew at the next lower level that there is.
      const isEmptied = this.#mostEnd <= this.#mostStart && this.#mostStart > 0
      this.#mostLevel = isEmptied ? this.#loadAt(this.#mostStart - 1) : this.#mostLevel - 1
      while (this.#mostStart > 0 && this.#loadAt(this.#mostStart - 1) === this.#mostLevel) this.#mostStart -= 1
      this.#nextMost = this.#mostEnd - 1
    }
    if (this.#nextMost < 0) return undefined
    const member = this.#members[this.#nextMost]
    this.#nextMost -= 1
    return member
  }

  /** Takes the member that nextMostLoaded answered last out of the range. */
  excludeMostLoaded(): void {
    const at = this.#nextMost + 1
    const last = this.#mostEnd - 1
    const excluded = assertDefined(this.#members[at], 'nothing to exclude')
    this.#members[at] = assertDefined(this.#members[last], 'an empty range')
    this.#members[last] = excluded
    this.#mostEnd -= 1
  }

  get isBalanced(): boolean {
    return this.#mostLevel - this.#leastLevel <= 1
  }

  #load(member: number): number {
    return this.#loads[member] ?? 0
  }

  #loadAt(index: number): number {
    return this.#load(this.#members[index] ?? -1)
  }
}
