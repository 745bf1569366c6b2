/** Decides what happens next: of everything that could, one thing, chosen by the seed. */

import type { Random } from '../../src/base/random.ts'
import type { Bell } from '../../src/ring/bell.ts'
import { SimulationClock } from './clock.ts'
import { TraceHash } from './trace-hash.ts'

/** Something that has a step to take; it is asked only while it is in the scheduler. */
export interface Runnable {
  readonly name: string
  run(): void
}

type SleepingAgent = {
  readonly name: string
  readonly agent: { doWork(): number }
  readonly bell: Bell
  readonly onError: (thrown: unknown) => void
  /** The bell's value before the agent last found nothing to do; undefined while it must look again. */
  sleepsOn: number | undefined
  isStopped: boolean
  /** Steps of others before it runs again, as though its thread had lost its core. */
  stalledSteps: number
}

/** How much virtual time a step takes at most. */
const stepMsMax = 0.1
const idleTurnsMax = 5

/**
 * Owns the seed's chance and time. A step runs one runnable or one agent that was rung for, and then all promises that settled;
 * where nothing can run, time jumps to the next timer. An agent whose bell nobody rings sleeps on, as its thread would.
 */
export class Scheduler {
  readonly random: Random
  readonly clock = new SimulationClock()
  readonly trace = new TraceHash()
  /** Told of each step, for those who want to watch. */
  onStep: ((name: string) => void) | undefined
  stepCount = 0
  readonly #runnables: Runnable[] = []
  readonly #places = new Map<Runnable, number>()
  #agents: SleepingAgent[] = []

  constructor(random: Random) {
    this.random = random
  }

  add(runnable: Runnable): void {
    if (this.#places.has(runnable)) return
    this.#places.set(runnable, this.#runnables.push(runnable) - 1)
  }

  remove(runnable: Runnable): void {
    const place = this.#places.get(runnable)
    if (place === undefined) return
    this.#places.delete(runnable)
    const last = this.#runnables.pop()
    if (last === undefined || last === runnable) return
    this.#runnables[place] = last
    this.#places.set(last, place)
  }

  /** Runs an agent as `runAgent` of the ring room does: woken by its bell only. */
  runAgent(
    name: string,
    agent: { doWork(): number },
    bell: Bell,
    onError: (thrown: unknown) => void,
  ): { stop(): void } {
    const sleeping = { name, agent, bell, onError, sleepsOn: undefined, isStopped: false, stalledSteps: 0 }
    this.#agents.push(sleeping)
    return {
      stop: () => {
        sleeping.isStopped = true
        this.#agents = this.#agents.filter((other) => other !== sleeping)
      },
    }
  }

  /** Keeps one agent from running for a while. */
  stallAgent(steps: number): void {
    const agent = this.#agents[this.random.below(Math.max(1, this.#agents.length))]
    if (agent !== undefined) agent.stalledSteps = steps
  }

  /** Takes steps until `isDone`. Answers false where nothing can ever happen any more, or `stepsMax` did not do. */
  async runUntil(isDone: () => boolean, stepsMax: number): Promise<boolean> {
    let idleTurns = 0
    for (let step = 0; step < stepsMax; step++) {
      if (isDone()) return true
      idleTurns = this.#step() ? 0 : idleTurns + 1
      // What waits for a turn of the real event loop gets it before all is given up.
      if (idleTurns > idleTurnsMax) return false
      await settled()
    }
    return isDone()
  }

  #step(): boolean {
    this.stepCount++
    this.clock.pass((this.random.below(1000) / 1000) * stepMsMax)
    if (this.clock.fireDue()) return true
    const awake = this.#agents.filter(isAwake)
    const count = awake.length + this.#runnables.length
    if (count === 0) return this.#jump()
    const choice = this.random.below(count)
    const agent = awake[choice]
    if (agent === undefined) this.#run(this.#runnables[choice - awake.length])
    else this.#work(agent)
    return true
  }

  #run(runnable: Runnable | undefined): void {
    if (runnable === undefined) return
    this.trace.add(runnable.name)
    this.onStep?.(runnable.name)
    runnable.run()
  }

  #work(sleeping: SleepingAgent): void {
    this.trace.add(sleeping.name)
    const value = sleeping.bell.value()
    try {
      const work = sleeping.agent.doWork()
      sleeping.sleepsOn = work > 0 ? undefined : value
      this.onStep?.(`${sleeping.name} did ${work}`)
    } catch (thrown) {
      sleeping.isStopped = true
      sleeping.onError(thrown)
    }
  }

  #jump(): boolean {
    for (const agent of this.#agents) agent.stalledSteps = 0
    if (this.#agents.some(isAwake)) return true
    const dueMs = this.clock.nextDueMs()
    if (dueMs === undefined) return false
    this.clock.pass(Math.max(0, dueMs - this.clock.elapsedMs))
    return this.clock.fireDue()
  }
}

function isAwake(sleeping: SleepingAgent): boolean {
  if (sleeping.isStopped) return false
  if (sleeping.stalledSteps > 0) {
    sleeping.stalledSteps--
    return false
  }
  return sleeping.sleepsOn === undefined || sleeping.bell.value() !== sleeping.sleepsOn
}

/** Resolves once every promise that can settle has: no step sees half of another one's work. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
