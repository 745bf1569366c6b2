/**
 * Carries decided changes through: replays them at once, appends them to the metadata log, makes them real in all threads, and
 * only then lets them be answered. After a failed append the state is what the log holds, nothing else.
 */

import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { Refusal } from '../configs/alter.ts'
import type { Journal, JournalRecord, NewTopic, TopicEffects } from '../ports.ts'
import type { Decision } from './decision.ts'
import { CommittedRecords } from './metadata-transactions.ts'
import { decodeMetadataRecord, encodeMetadataRecord } from './records.ts'
import type { MetadataState, TopicState } from './state.ts'

/** How long after a failed reload of the metadata log the next one is tried. */
export const reloadRetryMs = 1_000

/** How a change ended: its error code, and a sentence where there is one. */
export type ChangeOutcome = { readonly errorCode: number; readonly message: string }

const done: ChangeOutcome = { errorCode: ErrorCode.NONE, message: '' }

/** What clients are told while the metadata log is not at hand: they look the controller up again, and retry. */
export const notReady: ChangeOutcome = {
  errorCode: ErrorCode.NOT_CONTROLLER,
  message: 'The metadata log is being reloaded; try again.',
}

/** A topic as the other threads were told of it, and one step to tell them of a change. */
type Effect = { readonly run: () => Promise<void>; readonly note: (applied: Map<string, NewTopic>) => void }

/** The state of topics and configs, and the one way to change it. */
export class ChangeLog {
  #state: MetadataState
  readonly #makeState: () => MetadataState
  readonly #localDirectory: Buffer | undefined
  readonly #journal: Journal
  readonly #effects: TopicEffects
  readonly #clock: Clock
  /** Topics as they will be once every effect that was planned has run. */
  #planned = new Map<string, NewTopic>()
  /** Topics as the effects that were started leave them. */
  #applied = new Map<string, NewTopic>()
  #appendsPending = 0
  #isReloading = false
  /** Resolves with how the latest append ended; reads that saw its records wait for it. */
  #latestAppend: Promise<ChangeOutcome> = Promise.resolve(done)
  /** Effects run one after the other, in the order that the log has. */
  #latestEffect: Promise<ChangeOutcome> = Promise.resolve(done)

  constructor(options: {
    readonly makeState: () => MetadataState
    readonly journal: Journal
    readonly effects: TopicEffects
    /** The data folder's id, in the records of partitions that lie there. */
    readonly localDirectory?: Buffer | undefined
    readonly clock: Clock
  }) {
    this.#makeState = options.makeState
    this.#localDirectory = options.localDirectory
    this.#state = options.makeState()
    this.#journal = options.journal
    this.#effects = options.effects
    this.#clock = options.clock
  }

  /** The present state: what was decided, even where the log has not confirmed it yet. */
  get state(): MetadataState {
    return this.#state
  }

  /** Whether the state may be told: it is not in doubt. */
  get isReadable(): boolean {
    return !this.#isReloading
  }

  /** Whether changes can be taken on for now. */
  get isReady(): boolean {
    return !this.#isReloading && !this.#journal.isFull()
  }

  /** Applies one record of the log at start. Throws DecodeError on damage. */
  replay(record: JournalRecord): void {
    const change = decodeMetadataRecord(record)
    if (change !== undefined) this.#state.apply(change)
  }

  /** Ends the replay at start: the topics that are there, which the caller opens; later changes go through the effects. */
  start(): readonly NewTopic[] {
    const topics = [...this.#state.topics()].map((topic) => this.#state.resolved(topic))
    this.#planned = new Map(topics.map((topic) => [topic.name, topic]))
    this.#applied = new Map(this.#planned)
    return topics
  }

  /** Carries a decision through. Resolves, never rejects, once it may be answered. */
  commit(decision: Decision<unknown>): Promise<ChangeOutcome> {
    if (decision.records.length === 0) return this.settled()
    // The state is written to the journal before it is replayed, so that no one can see what was never on its way there.
    const appended = this.#append(decision.records.map((record) => encodeMetadataRecord(record, this.#localDirectory)))
    for (const record of decision.records) this.#state.apply(record)
    const changesLimits = decision.touched === 'all' || decision.records.some(({ kind }) => kind === 'quota')
    const effects = [...this.#plan(decision.touched), ...(changesLimits ? [this.#limiting()] : [])]
    this.#latestAppend = appended
    const outcome = appended.then((append) => (append.errorCode === ErrorCode.NONE ? this.#run(effects) : append))
    return outcome
  }

  /** Resolves once everything decided so far is in the log: then what was read may be told. */
  settled(): Promise<ChangeOutcome> {
    return this.#latestAppend
  }

  /** Resolves once everything decided so far is in the log and real in all threads. */
  async made(): Promise<ChangeOutcome> {
    const append = await this.#latestAppend
    return append.errorCode === ErrorCode.NONE ? this.#latestEffect : append
  }

  /** Decides now, answers once the decision is durable and real; refuses where that is not possible. */
  change(
    decide: () => Decision<unknown>,
    refuse: (refusal: Refusal) => unknown,
    reply: (answer: unknown) => void,
  ): void {
    if (!this.isReady) {
      reply(refuse(notReady))
      return
    }
    const decision = decide()
    void this.commit(decision).then((outcome) => {
      reply(outcome.errorCode === ErrorCode.NONE ? decision.response : refuse(outcome))
    })
  }

  /** Takes the answer now, before later requests change the state, and tells it once what it is about is in the log. */
  tell(take: () => unknown, refuse: (refusal: Refusal) => unknown, reply: (answer: unknown) => void): void {
    if (!this.isReadable) {
      reply(refuse(notReady))
      return
    }
    const answer = take()
    void this.settled().then((outcome) => {
      reply(outcome.errorCode === ErrorCode.NONE ? answer : refuse(outcome))
    })
  }

  #append(records: readonly JournalRecord[]): Promise<ChangeOutcome> {
    this.#appendsPending++
    return new Promise((resolve) => {
      this.#journal.append('__cluster_metadata', 0, records, (errorCode) => {
        this.#appendsPending--
        if (errorCode !== ErrorCode.NONE) this.#isReloading = true
        if (this.#isReloading && this.#appendsPending === 0) void this.#reload()
        resolve(errorCode === ErrorCode.NONE ? done : notReady)
      })
    })
  }

  /** Reads the log anew and makes real what had been written although its append failed. */
  async #reload(): Promise<void> {
    const state = this.#makeState()
    const committed = new CommittedRecords((record) => {
      const change = decodeMetadataRecord(record)
      if (change !== undefined) state.apply(change)
    })
    try {
      await this.#journal.load('__cluster_metadata', 0, (record) => committed.take(record))
    } catch {
      // Nothing can be decided without the log; its own room reports why it cannot be read.
      this.#clock.startTimer(reloadRetryMs, () => void this.#reload())
      return
    }
    // What waits to be made is made first: planned anew it would be made twice.
    await this.#latestEffect
    this.#state = state
    this.#planned = new Map(this.#applied)
    this.#latestAppend = Promise.resolve(done)
    void this.#run([...this.#plan('all'), this.#limiting()])
    this.#isReloading = false
  }

  /** The effects that bring the threads from what is planned to the present state. */
  #plan(touched: readonly string[] | 'all'): Effect[] {
    const names = touched === 'all' ? [...this.#planned.keys(), ...[...this.#state.topics()].map(nameOf)] : touched
    const effects: Effect[] = []
    const created: NewTopic[] = []
    for (const name of new Set(names)) {
      const planned = this.#planned.get(name)
      const topic = this.#state.topic(name)
      const present = topic === undefined ? undefined : this.#state.resolved(topic)
      if (planned !== undefined && planned.id !== present?.id) {
        effects.push({
          run: () => this.#effects.removed(name),
          note: (applied) => void applied.delete(name),
        })
      }
      if (present === undefined) continue
      if (planned === undefined || planned.id !== present.id) created.push(present)
      else effects.push(...this.#changesOf(planned, present))
    }
    if (created.length > 0) {
      effects.push({
        run: () => this.#effects.created(created),
        note: (applied) => {
          for (const topic of created) applied.set(topic.name, topic)
        },
      })
    }
    for (const effect of effects) effect.note(this.#planned)
    return effects
  }

  #changesOf(planned: NewTopic, present: NewTopic): Effect[] {
    const note = (applied: Map<string, NewTopic>): void => void applied.set(present.name, present)
    const effects: Effect[] = []
    if (present.partitionCount > planned.partitionCount) {
      effects.push({ run: () => this.#effects.grown(present), note })
    }
    if (JSON.stringify(present.settings) !== JSON.stringify(planned.settings)) {
      effects.push({ run: () => this.#effects.configured(present), note })
    }
    return effects
  }

  /** Tells of all limits of clients as they are now. */
  #limiting(): Effect {
    const limits = this.#state.limits()
    return { run: () => this.#effects.limited(limits), note: () => undefined }
  }

  #run(effects: readonly Effect[]): Promise<ChangeOutcome> {
    if (effects.length === 0) return Promise.resolve(done)
    const outcome = this.#latestEffect.then(async () => {
      try {
        for (const effect of effects) {
          effect.note(this.#applied)
          await effect.run()
        }
        return done
      } catch (thrown) {
        return { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, message: messageOf(thrown) }
      }
    })
    this.#latestEffect = outcome
    return outcome
  }
}

function nameOf(topic: TopicState): string {
  return topic.name
}
