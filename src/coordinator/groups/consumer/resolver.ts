/**
 * Finds the topics that regular expressions stand for: beside other work and in slices, since there may be many topics, and
 * patterns may be slow ones.
 */

import type { Clock, Timer } from '../../../base/clock.ts'
import type { Logger } from '../../../base/logger.ts'
import { compilePattern, type Pattern } from './pattern.ts'

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

type Task = { readonly regex: string; readonly pattern: Pattern; readonly matches: string[] }

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
    const tasks: Task[] = []
    for (const regex of job.regexes) {
      const pattern = compilePattern(regex)
      // One that is invalid was valid in another broker, whose log this is: as in Kafka, it stands for nothing.
      if ('matches' in pattern) tasks.push({ regex, pattern, matches: [] })
    }
    this.#later(() => this.#work(job, { tasks, next: 0, spentMs: 0 }))
  }

  #work(job: ResolveJob, progress: { tasks: readonly Task[]; next: number; spentMs: number }): void {
    const { topicNames } = job
    const { tasks } = progress
    const pairs = tasks.length * topicNames.length
    const startMs = this.#clock.monotonicMs()
    for (; progress.next < pairs; progress.next++) {
      const task = tasks[Math.floor(progress.next / topicNames.length)]
      const name = topicNames[progress.next % topicNames.length]
      if (task !== undefined && name !== undefined && task.pattern.matches(name)) task.matches.push(name)
      const elapsedMs = this.#clock.monotonicMs() - startMs
      if (elapsedMs < sliceMs) continue
      progress.next += 1
      progress.spentMs += elapsedMs
      if (progress.spentMs < resolveMsMax) {
        this.#later(() => this.#work(job, progress))
        return
      }
      this.#logger.warn('regular expressions of a group take too long to match', { groupId: job.groupId })
      const doneCount = Math.floor(progress.next / topicNames.length)
      this.#finish(job, tasks.slice(0, doneCount))
      return
    }
    this.#finish(job, tasks)
  }

  #finish(job: ResolveJob, tasks: readonly Task[]): void {
    this.#jobs.shift()
    const matches = new Map<string, readonly string[]>(job.regexes.map((regex) => [regex, []]))
    for (const task of tasks) matches.set(task.regex, task.matches)
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
