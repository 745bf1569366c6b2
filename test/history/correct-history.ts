/** Random histories that a correct broker may have: concurrent clients on a model of it, all decided by one seed. */

import { type Random, seededRandom } from '../../src/base/random.ts'
import { History, noOffset, noTransaction, type Outcome } from './history.ts'
import { ModelBroker } from './model-broker.ts'

export type CorrectHistoryOptions = {
  readonly seed: number
  readonly operationCount: number
  /** Whether power cuts take unsynced tails away, and retention whole beginnings. */
  readonly hasLosses: boolean
}

const partitionCount = 3
/** Processes: one plain, one that repeats itself, one idempotent, two transactional. */
const repeatingProcess = 1
const transactionalProcesses: readonly number[] = [3, 4]
const processCount = 5
/** Readers of committed records, of all records, one of a group that rebalances, and the two that read all at the end. */
const readers = [
  { isolation: 'committed', isFinal: false },
  { isolation: 'uncommitted', isFinal: false },
  { isolation: 'committed', isFinal: false },
  { isolation: 'committed', isFinal: true },
  { isolation: 'uncommitted', isFinal: true },
] as const
const groupReader = 2

/** Something under way; `end` notes how it ended. */
type UnderWay = { readonly end: () => void }

export function correctHistory(options: CorrectHistoryOptions): History {
  return new Run(options).run()
}

class Run {
  readonly #options: CorrectHistoryOptions
  readonly #random: Random
  readonly #history = new History()
  readonly #broker = new ModelBroker(partitionCount)
  readonly #underWay = new Map<string, UnderWay>()
  readonly #order = new Map<number, number>()
  readonly #open = new Map<number, number>()
  readonly #positions = new Map<number, number[]>()
  #nextValue = 0
  #nextTransaction = 0
  #committed = noOffset
  #wished = noOffset

  constructor(options: CorrectHistoryOptions) {
    this.#options = options
    this.#random = seededRandom(options.seed)
    for (const [reader, facts] of readers.entries()) this.#history.readers.set(reader, facts)
  }

  run(): History {
    for (const reader of [0, 1]) this.#assign(reader)
    this.#history.add({ kind: 'subscribe', reader: groupReader })
    this.#positions.set(groupReader, new Array<number>(partitionCount).fill(0))
    while (this.#history.now < this.#options.operationCount) this.#step()
    for (const underWay of this.#underWay.values()) underWay.end()
    // What is still open is aborted once its producer is given up.
    for (const transaction of this.#open.values()) this.#broker.end(transaction, false)
    for (const [reader, { isFinal }] of readers.entries()) if (isFinal) this.#readAll(reader)
    this.#noteCommitted(this.#history.now)
    return this.#history
  }

  #step(): void {
    const actor = this.#random.below(processCount + readers.length + 3)
    if (actor < processCount) this.#toggle(`process ${actor}`, () => this.#beginAsProcess(actor))
    else if (actor < processCount + 3) this.#toggle(`reader ${actor}`, () => this.#beginPoll(actor - processCount))
    else if (actor === processCount + 3) this.#toggle('group', () => this.#beginCommit())
    else if (actor === processCount + 4) this.#noteCommitted(this.#history.now)
    else this.#happen(this.#random.below(40))
  }

  /** What clients do not do: crashes, retention, rebalances. */
  #happen(chance: number): void {
    const { hasLosses } = this.#options
    if (chance < 2 && hasLosses) this.#cut()
    else if (chance < 6 && hasLosses) this.#trim()
    else if (chance < 16) this.#assign(this.#random.below(2))
    else if (chance < 26) this.#seekGroup()
  }

  /** Ends what the actor has under way, or begins something. */
  #toggle(actor: string, begin: () => UnderWay): void {
    const underWay = this.#underWay.get(actor)
    if (underWay === undefined) this.#underWay.set(actor, begin())
    else {
      this.#underWay.delete(actor)
      underWay.end()
    }
  }

  #beginAsProcess(process: number): UnderWay {
    const isTransactional = transactionalProcesses.includes(process)
    if (!isTransactional) return this.#beginSend(process, noTransaction)
    const transaction = this.#open.get(process)
    if (transaction === undefined) {
      this.#open.set(process, this.#nextTransaction)
      return this.#beginSend(process, this.#nextTransaction++)
    }
    return this.#random.below(3) > 0 ? this.#beginSend(process, transaction) : this.#beginEnd(process, transaction)
  }

  /** The broker acts at the beginning or at the end, or, where nobody learns the outcome, perhaps never. */
  #beginSend(process: number, transaction: number): UnderWay {
    const startedAt = this.#history.now
    const value = this.#nextValue++
    const partition = this.#random.below(partitionCount)
    const order = (this.#order.get(process) ?? 0) + 1
    this.#order.set(process, order)
    const mayRepeat = process === repeatingProcess
    const outcome = this.#outcome()
    const isActing = outcome === 'ok' || (outcome === 'unknown' && this.#random.below(2) === 0)
    const act = (): number => (isActing ? this.#broker.append(partition, value, transaction) : noOffset)
    const isEarly = this.#random.below(2) === 0
    let offset = isEarly ? act() : noOffset
    const generation = this.#broker.generation
    return {
      end: () => {
        const isCut = generation !== this.#broker.generation
        if (!isEarly) offset = act()
        if (mayRepeat && isActing && this.#random.below(3) === 0) offset = act()
        // What was acted on before a power cut and is answered after it was never answered.
        const told = isCut && outcome === 'ok' ? 'unknown' : outcome
        const known = { value, partition, order, mayRepeat, outcome: told, transaction }
        this.#history.add({ kind: 'send', process, ...known, offset: told === 'ok' ? offset : noOffset, startedAt })
      },
    }
  }

  #beginEnd(process: number, transaction: number): UnderWay {
    const startedAt = this.#history.now
    const decision = this.#random.below(4) === 0 ? 'abort' : 'commit'
    const outcome = this.#outcome()
    const isCommit =
      decision === 'commit' && (outcome === 'ok' || (outcome === 'unknown' && this.#random.below(2) === 0))
    const act = (): void => this.#broker.end(transaction, isCommit)
    const isEarly = this.#random.below(2) === 0
    if (isEarly) act()
    return {
      end: () => {
        if (!isEarly) act()
        this.#open.delete(process)
        this.#history.add({ kind: 'transaction', transaction, decision, outcome, startedAt })
      },
    }
  }

  #beginPoll(reader: number): UnderWay {
    const startedAt = this.#history.now
    const partition = this.#random.below(partitionCount)
    const places = this.#positions.get(reader)
    const isCommitted = readers[reader]?.isolation === 'committed'
    const generation = this.#broker.generation
    const from = places?.[partition] ?? 0
    const got = this.#broker.read(partition, { from, isCommitted, recordsMax: 1 + this.#random.below(5) })
    return {
      end: () => {
        // An answer that a crash or a new assignment overtook is lost.
        if (generation !== this.#broker.generation || this.#positions.get(reader) !== places) return
        if (places === undefined || places[partition] !== from) return
        places[partition] = got.next
        this.#history.add({ kind: 'poll', reader, partition, ...got, startedAt })
      },
    }
  }

  #beginCommit(): UnderWay {
    const startedAt = this.#history.now
    const outcome = this.#outcome()
    const offset = Math.max(this.#wished, this.#committed) + 1 + this.#random.below(3)
    this.#wished = offset
    const isActing = outcome === 'ok' || (outcome === 'unknown' && this.#random.below(2) === 0)
    return {
      end: () => {
        if (isActing) this.#committed = offset
        const place = { group: 0, partition: 0, transaction: noTransaction }
        this.#history.add({ kind: 'commit', ...place, offset, outcome, startedAt })
      },
    }
  }

  #noteCommitted(startedAt: number): void {
    this.#history.add({ kind: 'committed', group: 0, partition: 0, offset: this.#committed, startedAt })
  }

  #assign(reader: number): void {
    const places = Array.from({ length: partitionCount }, (_, partition) => {
      const start = this.#broker.start(partition)
      return start + this.#random.below(this.#broker.endOf(partition) - start + 1)
    })
    this.#positions.set(reader, places)
    this.#history.add({ kind: 'assign', reader, positions: [...places.entries()] })
  }

  /** A rebalance: the reader of a group goes on anywhere, without a word. */
  #seekGroup(): void {
    const places = Array.from({ length: partitionCount }, (_, partition) => this.#broker.start(partition))
    this.#positions.set(groupReader, places)
  }

  #cut(): void {
    const kept = Array.from({ length: partitionCount }, (_, partition) => {
      const start = this.#broker.start(partition)
      return [partition, start + this.#random.below(this.#broker.endOf(partition) - start + 1)] as const
    })
    for (const [partition, offset] of kept) this.#broker.cut(partition, offset, this.#random)
    const areCommitsKept = this.#random.below(2) === 0
    if (!areCommitsKept) this.#committed = noOffset
    // Acknowledgements that overtook the crash are noted before it; the rest is never answered.
    this.#history.add({ kind: 'cut', kept, areCommitsKept })
    for (const reader of [0, 1]) this.#assign(reader)
    this.#seekGroup()
  }

  #trim(): void {
    const partition = this.#random.below(partitionCount)
    const start = this.#broker.start(partition)
    const end = this.#broker.stableEnd(partition)
    const target = Math.min(start + this.#random.below(8), end)
    this.#broker.trim(partition, target)
    this.#history.add({ kind: 'trim', partition, start: target })
    for (const reader of [0, 1]) this.#assign(reader)
    this.#seekGroup()
  }

  #readAll(reader: number): void {
    const isCommitted = readers[reader]?.isolation === 'committed'
    const positions = Array.from({ length: partitionCount }, (_, index) => [index, this.#broker.start(index)] as const)
    this.#history.add({ kind: 'assign', reader, positions })
    for (const [partition, start] of positions) {
      for (let from = start; from < this.#broker.endOf(partition); ) {
        const got = this.#broker.read(partition, { from, isCommitted, recordsMax: 20 })
        if (got.next === from) throw new Error('the final reader is stuck')
        this.#history.add({ kind: 'poll', reader, partition, ...got, startedAt: this.#history.now })
        from = got.next
      }
    }
  }

  #outcome(): Outcome {
    const chance = this.#random.below(10)
    if (chance === 0) return 'failed'
    return chance < 3 ? 'unknown' : 'ok'
  }
}
