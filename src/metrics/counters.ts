/** Named counters in shared memory: one thread adds to a set of counters, any thread reads it. */

import { assert } from '../base/assert.ts'

/*
 * A BigInt64 a counter, in the order of the names. Each thread has a set of its own, so that threads do not slow each
 * other down by counting; whoever shows the numbers adds up the sets.
 */
const counterBytes = 8

/** The most counters of one set: a set is a list of names in code, not something that data can make grow. */
export const countersMax = 1024

/** One thread's counters: whole numbers up to 2^53. Names are known when the code is written, so they are typed. */
export class Counters<Name extends string> {
  readonly names: readonly Name[]
  readonly #values: BigInt64Array
  // What the writing thread last wrote: adding to a number costs less than an atomic addition of BigInts.
  readonly #own: Float64Array
  readonly #indexes: ReadonlyMap<Name, number>

  /** Shared memory for a set of counters, all 0. */
  static create(names: readonly string[]): SharedArrayBuffer {
    assert(names.length <= countersMax, 'there are too many counters')
    return new SharedArrayBuffer(Math.max(1, names.length) * counterBytes)
  }

  /** Views a set; `names` must be those that it was created with, in the same order. */
  constructor(memory: SharedArrayBuffer, names: readonly Name[]) {
    assert(memory.byteLength === Math.max(1, names.length) * counterBytes, 'the counters were created for other names')
    this.names = names
    this.#values = new BigInt64Array(memory)
    this.#own = new Float64Array(names.length)
    this.#indexes = new Map(names.map((name, index) => [name, index]))
    assert(this.#indexes.size === names.length, 'two counters have the same name')
    for (let index = 0; index < names.length; index++) this.#own[index] = Number(this.#values[index] ?? 0n)
  }

  /** The place of a name, for `addAt` on the data path. */
  indexOf(name: Name): number {
    const index = this.#indexes.get(name)
    assert(index !== undefined, 'there is no such counter')
    return index
  }

  /** Adds to a counter; only the set's own thread may. */
  add(name: Name, amount = 1): void {
    this.addAt(this.indexOf(name), amount)
  }

  addAt(index: number, amount: number): void {
    this.#write(index, (this.#own[index] ?? 0) + amount)
  }

  /** Sets what goes up and down, such as a number of connections; only the set's own thread may. */
  set(name: Name, value: number): void {
    this.#write(this.indexOf(name), value)
  }

  /** The value of a counter by now, from any thread. */
  get(name: Name): number {
    return Number(Atomics.load(this.#values, this.indexOf(name)))
  }

  /** All counters by now, in the order of their names; they need not be of one moment. */
  entries(): [Name, number][] {
    return this.names.map((name) => [name, this.get(name)])
  }

  #write(index: number, value: number): void {
    assert(index >= 0 && index < this.names.length, 'there is no such counter')
    this.#own[index] = value
    Atomics.store(this.#values, index, BigInt(value))
  }
}
