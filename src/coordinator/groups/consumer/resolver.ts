/**
 * Finds the topics that regular expressions stand for: beside other work and in slices, since there may be many topics, and
 * patterns may be slow ones.
 */

import type { Clock, Timer } from '../../../base/clock.ts'
import type { Logger } from '../../../base/logger.ts'
import { compilePattern } from './pattern.ts'

/** After so long a slice other work gets its turn. */
const sliceMs = 5
/** All that one group's patterns may take; those that are not done by then stand for nothing, until the next refresh. */
export const resolveMsMax = 5_000

export type ResolveJob = {
  readonly groupId: string
  readonly regexes: readonly string[]
  readonly topicNames: readonly string[]
  /** Called once, with the matching names of every regular expression. */
  readonly done: (matches: ReadonlyMap<string, readonly string[]>) => void
}

/** A job that is worked on, and what is known of it. */
type Progress = { readonly steps: Iterator<void>; readonly matches: Map<string, readonly string[]>; spentMs: number }

/** Works on one job at a time, in the order in which they came. */
export class RegexResolver {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #jobs: ResolveJob[] = []
  #timer: Timer | undefined

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = clock
    this.#logger = logger
  }

  add(job: ResolveJob): void {
    this.#jobs.push(job)
    if (this.#jobs.length === 1) this.#begin(job)
  }

  /** Forgets all jobs: none is done any more. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#jobs.length = 0
  }

  #begin(job: ResolveJob): void {
    const matches = new Map<string, readonly string[]>(job.regexes.map((regex) => [regex, []]))
    this.#later(() => this.#work(job, { steps: stepsOf(job, matches), matches, spentMs: 0 }))
  }

  #work(job: ResolveJob, progress: Progress): void {
    const startMs = this.#clock.monotonicMs()
    while (progress.steps.next().done !== true) {
      const elapsedMs = this.#clock.monotonicMs() - startMs
      if (elapsedMs < sliceMs) continue
      progress.spentMs += elapsedMs
      if (progress.spentMs < resolveMsMax) {
        this.#later(() => this.#work(job, progress))
        return
      }
      this.#logger.warn('regular expressions of a group take too long to match', { groupId: job.groupId })
      break
    }
    this.#finish(job, progress.matches)
  }

  #finish(job: ResolveJob, matches: ReadonlyMap<string, readonly string[]>): void {
    this.#jobs.shift()
    job.done(matches)
    const [next] = this.#jobs
    if (next !== undefined && this.#timer === undefined) this.#begin(next)
  }

  #later(work: () => void): void {
    this.#timer = this.#clock.startTimer(0, () => {
      this.#timer = undefined
      work()
    })
  }
}

/** Compiling a pattern is a step, and so is each name. A pattern's matches are noted once all names were looked at. */
function* stepsOf({ regexes, topicNames }: ResolveJob, matches: Map<string, readonly string[]>): Generator<void> {
  for (const regex of regexes) {
    const pattern = compilePattern(regex)
    yield
    // One that is invalid was valid in another broker, whose log this is: as in Kafka, it stands for nothing.
    if (!('matches' in pattern)) continue
    const names: string[] = []
    for (const name of topicNames) {
      if (pattern.matches(name)) names.push(name)
      yield
    }
    matches.set(regex, names)
  }
}
