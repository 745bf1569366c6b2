/** Runs an agent in this thread's event loop: works while there is work, sleeps on its bell otherwise. */

import type { Bell } from './bell.ts'

/** Rounds of work before sockets, timers and messages get a turn: long enough to batch, short enough to stay responsive. */
export const agentRoundsMax = 16

/** Something that looks for work when told to, and answers how much of it it did. */
export type Agent = { doWork(): number }

/**
 * Starts an agent; its first round comes in a later turn of the event loop. An agent that throws is stopped, and `onError`
 * is called with what it threw. `stop()` lets no further round begin.
 */
export function runAgent(agent: Agent, bell: Bell, onError: (thrown: unknown) => void): { stop(): void } {
  let isStopped = false

  const turn = (): void => {
    if (isStopped) return
    try {
      workUntilIdle()
    } catch (thrown) {
      isStopped = true
      onError(thrown)
    }
  }

  const workUntilIdle = (): void => {
    for (let round = 0; round < agentRoundsMax; round++) {
      // Read before the work: a ring that comes while the agent looks elsewhere must not be slept through.
      const value = bell.value()
      if (agent.doWork() > 0) {
        if (isStopped) return
        continue
      }
      if (isStopped) return
      const waiting = bell.waitFor(value)
      if (waiting === undefined) continue
      void waiting.then(turn)
      return
    }
    setImmediate(turn)
  }

  setImmediate(turn)
  return {
    stop() {
      if (isStopped) return
      isStopped = true
      // Lets go of a pending wait.
      bell.ring()
    },
  }
}
