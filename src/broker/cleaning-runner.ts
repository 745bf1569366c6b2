/** Where cleanings run: in the housekeeper pool, or in the caller's thread where a broker has no other. */

import { MessageChannel } from 'node:worker_threads'
import type { Clock } from '../base/clock.ts'
import { usableCores } from './cpu-quota.ts'
import { exposeCalls } from './remote-calls.ts'
import {
  type CleaningControl,
  type CleaningJob,
  type CleaningReport,
  type CleaningTools,
  runCleaning,
} from './remote-cleaning.ts'

export interface CleaningRunner {
  /** Runs one cleaning to its end. Rejects only where its thread dies. */
  run(job: CleaningJob, control: CleaningControl): Promise<CleaningReport>
  /** Ends what is still running, at once. */
  close(): Promise<void>
}

/** A thread of the pool that had nothing to do for this long goes. */
const idleMs = 10_000

const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js'

/** One step, then a moment of the clock: everything else that runs in the thread goes on in between. */
export function ownThreadRunner(tools: CleaningTools & { readonly clock: Clock }): CleaningRunner {
  return {
    run: (job, control) => {
      const goOn = async (movedBytes: number): Promise<boolean> => {
        await new Promise<void>((resolve) => tools.clock.startTimer(0, resolve))
        return control.goOn(movedBytes)
      }
      return runCleaning(job, { goOn, replace: (cleaned) => control.replace(cleaned) }, tools)
    },
    close: async () => undefined,
  }
}

/** The pool is made for the first cleaning, and its threads live while there is work. */
export function poolRunner(): CleaningRunner {
  const makePool = async () => {
    const { Piscina } = await import('piscina')
    const filename = new URL(`../../workers/housekeeper${ending}`, import.meta.url).href
    return new Piscina({ filename, minThreads: 0, maxThreads: usableCores(), idleTimeout: idleMs })
  }
  let made: ReturnType<typeof makePool> | undefined
  return {
    async run(job, control) {
      made ??= makePool()
      const pool = await made
      const { port1, port2 } = new MessageChannel()
      exposeCalls(control, port1)
      // The pool takes an array only, and its types an object only.
      const transferList = Object.assign([port2], { transfer: [port2] })
      try {
        return await pool.run({ job, control: port2 }, { name: 'cleanPartition', transferList })
      } finally {
        port1.close()
      }
    },
    async close() {
      const pool = await made
      made = undefined
      await pool?.destroy()
    },
  }
}
