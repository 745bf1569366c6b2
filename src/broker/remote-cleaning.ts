/** A cleaning and those who started it, in whichever threads: the job, what it asks, and the loop that runs it. */

import type { MessagePort } from 'node:worker_threads'
import { errnoOf, messageOf } from '../base/errors.ts'
import { type Random, systemRandom } from '../base/random.ts'
import type { DiskSpec } from '../base/topology.ts'
import { type CleaningOptions, type CleaningOutcome, cleanLog } from '../log/cleaning/clean-log.ts'
import type { Disk } from '../log/disk.ts'
import type { CleanedSegment } from '../log/engine.ts'
import { openDisk } from '../log/open-disk.ts'
import { remoteCalls } from './remote-calls.ts'

/** One log that is to be cleaned. */
export type CleaningJob = Omit<CleaningOptions, 'disk' | 'random'> & { readonly disk: DiskSpec }

/** What a cleaning asks while it runs. */
export interface CleaningControl {
  /** Resolves once it may go on after it has moved so many bytes; false calls it off. */
  goOn(movedBytes: number): Promise<boolean>
  /** Puts a cleaned segment in its place; false where it came too late. */
  replace(cleaned: CleanedSegment): Promise<boolean>
}

/** What a thread has for its cleanings. */
export type CleaningTools = { readonly random: Random; readonly openDisk: (spec: DiskSpec) => Disk }

/** How a cleaning ended. */
export type CleaningReport =
  | { readonly outcome: CleaningOutcome }
  /** `code` is an errno name, or a code of our own. */
  | { readonly failure: { readonly code: string | undefined; readonly reason: string } }

/** Runs a job of another thread, whose control is at the other end of a port. */
export function answerCleaning(task: {
  readonly job: CleaningJob
  readonly control: MessagePort
}): Promise<CleaningReport> {
  const tools = { random: systemRandom, openDisk }
  return runCleaning(task.job, remoteCalls<CleaningControl>(task.control), tools)
}

/** Cleans a log; never rejects. */
export async function runCleaning(
  job: CleaningJob,
  control: CleaningControl,
  { random, openDisk }: CleaningTools,
): Promise<CleaningReport> {
  const disk = openDisk(job.disk)
  try {
    const cleaning = cleanLog({ ...job, disk, random })
    let step = cleaning.next()
    while (step.done !== true) {
      const { movedBytes, cleaned } = step.value
      try {
        const mayGoOn = await control.goOn(movedBytes)
        step = cleaning.next(mayGoOn && (cleaned === undefined || (await control.replace(cleaned))))
      } catch (thrown) {
        step = cleaning.throw(thrown)
      }
    }
    return { outcome: step.value }
  } catch (thrown) {
    return { failure: { code: errnoOf(thrown), reason: messageOf(thrown) } }
  } finally {
    disk.close()
  }
}
