/** Runs the broker through its lives: starts it, brings the seed's faults upon it, and starts it again. */

import type { Clock } from '../../src/base/clock.ts'
import { messageOf } from '../../src/base/errors.ts'
import type { Logger } from '../../src/base/logger.ts'
import { Life } from './life.ts'
import type { Machine } from './machine.ts'
import type { Fault, Plan } from './plan.ts'
import type { Referee } from './referee.ts'
import { Violation, type World } from './world.ts'

const lookMs = 25
/** Faults come also where so little ends that their turn would never come. */
const faultMsMax = 15_000
const repairMsMax = 500
const restartMsMax = 100
/** A stop that takes longer, and a start, never end. */
const stopMsMax = 60_000
const startMsMax = 120_000
const startsMax = 20
/** More errors than a life sees. */
const brokenCount = 1_000

export class Operator {
  /** How often each kind of fault was brought about. */
  readonly faults = new Map<string, number>()
  readonly #world: World
  readonly #machine: Machine
  readonly #plan: Plan
  readonly #referee: Referee
  readonly #logger: Logger
  readonly #clock: Clock

  constructor(parts: { world: World; machine: Machine; plan: Plan; referee: Referee; logger: Logger }) {
    this.#world = parts.world
    this.#machine = parts.machine
    this.#plan = parts.plan
    this.#referee = parts.referee
    this.#logger = parts.logger
    this.#clock = parts.world.scheduler.clock.scope()
  }

  /** Brings all faults, each in its turn; in the end the broker runs, on a disk that is sound again. */
  async run(): Promise<void> {
    for (const fault of this.#plan.faults) {
      await this.#until(() => this.#world.history.now >= fault.after, faultMsMax)
      await this.#bring(fault)
    }
    await this.#until(() => this.#world.history.now >= this.#plan.operations, faultMsMax * 4)
    this.#machine.heal()
    await this.restart(this.#world.chance(50) ? 'kill' : 'stop')
  }

  /** Starts a broker, as often as it takes. */
  async start(): Promise<void> {
    for (let starts = 1; ; starts++) {
      if (starts > startsMax) throw new Violation(`the broker did not start in ${startsMax} attempts`)
      if (starts > 3) this.#machine.heal()
      if (await this.#startOnce()) return
      await this.#sleep(restartMsMax)
    }
  }

  async restart(how: 'kill' | 'stop' | 'power'): Promise<void> {
    const { life } = this.#world
    if (life !== undefined) await this.#end(life, how)
    await this.#sleep(this.#world.random.below(restartMsMax))
    await this.start()
  }

  async #bring({ kind }: Fault): Promise<void> {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1)
    this.#world.scheduler.trace.add(kind)
    const { random } = this.#world
    // A disk that is broken for good gives errors until it is replaced.
    const count = this.#world.pick([1, 2, 3, brokenCount])
    switch (kind) {
      case 'kill':
      case 'stop':
        return this.restart(kind)
      case 'power':
        return this.restart(this.#powerOrKill())
      case 'cut-off':
        for (let broken = 0; broken < 1 + random.below(6); broken++) this.#world.life?.breakConnection()
        return
      case 'stall':
        this.#world.scheduler.stallAgent(10 + random.below(300))
        return
      case 'write-error':
        this.#machine.plant({
          operation: 'write',
          ending: this.#ending(),
          code: this.#world.pick(['EIO', 'ENOSPC']),
          count,
        })
        break
      case 'sync-error':
        this.#machine.plant({ operation: 'sync', ending: '', code: 'EIO', count })
        break
      case 'read-error':
        this.#machine.plant({ operation: 'read', ending: '', code: 'EIO', count })
        break
      case 'name-error':
        this.#machine.plant({ operation: 'name', ending: '', code: this.#world.pick(['EIO', 'ENOSPC']), count })
    }
    await this.#sleep(random.below(repairMsMax))
    if (count === brokenCount || this.#world.chance(30)) this.#machine.heal()
    await this.restart(this.#world.pick(['kill', 'stop', this.#powerOrKill()]))
  }

  /** Where the coordinator's own logs may lose their tails, a power cut takes more than any check could excuse. */
  #powerOrKill(): 'power' | 'kill' {
    const { policy } = this.#plan
    return policy === 'every' || policy === 'mixed' ? 'power' : 'kill'
  }

  #ending(): string {
    return this.#world.pick(['.log', '.log', '.index', '.timeindex', '.txnindex', '.tmp', ''])
  }

  async #end(life: Life, how: 'kill' | 'stop' | 'power'): Promise<void> {
    this.#logger.info(how)
    life.watch.check()
    if (how === 'stop') {
      const stopped = life.stop()
      const isStopped = await this.#within(stopped, stopMsMax)
      if (!isStopped) throw new Violation('a stop did not end')
    } else life.kill()
    if (how !== 'power') return
    const world = this.#world
    const before = this.#machine.sizes()
    this.#machine.cutPower(world.chance(50) ? 'ordered' : 'wild')
    this.#logger.info('the power was cut', {
      before: JSON.stringify(before),
      after: JSON.stringify(this.#machine.sizes()),
    })
    const loose = world.places.flatMap(({ sync }, partition) => (sync === 'every' ? [] : [partition]))
    if (loose.length === 0) return
    world.hasLostTails = true
    world.history.add({ kind: 'cut', kept: loose.map((partition) => [partition, 0]), areCommitsKept: true })
    this.#referee.forget()
  }

  /** False where the start was cut short, or failed on a disk that gave errors. */
  async #startOnce(): Promise<boolean> {
    const { scheduler } = this.#world
    const life = new Life({
      scheduler,
      machine: this.#machine,
      random: this.#world.random,
      logger: this.#logger,
      owners: this.#plan.owners,
      ringBytesMax: this.#plan.ringBytesMax,
      ringMemoryBytesMax: this.#plan.ringMemoryBytesMax,
      kafka: this.#plan.kafka,
      onDeath: (reason) => this.#world.fail(reason),
    })
    this.#world.life = life
    const errorsBefore = this.#machine.errorCount
    const started = life.start().then(
      () => true,
      (thrown: unknown) => {
        const isExcused = this.#machine.errorCount > errorsBefore
        if (!isExcused && !life.isOver)
          this.#world.fail(new Violation(`the broker did not start: ${messageOf(thrown)}`))
        return false
      },
    )
    const isCutShort = this.#world.chance(12)
    if (isCutShort) {
      await this.#sleep(this.#world.random.below(6))
      if (!life.isListening) {
        life.kill()
        return false
      }
    }
    if (!(await this.#within(started, startMsMax))) throw new Violation('a start did not end')
    const isUp = await started
    if (!isUp) life.kill()
    return isUp
  }

  async #within(promise: Promise<unknown>, msMax: number): Promise<boolean> {
    let isDone = false
    const note = (): void => {
      isDone = true
    }
    promise.then(note, (thrown: unknown) => {
      note()
      this.#world.fail(thrown)
    })
    await this.#until(() => isDone, msMax)
    return isDone
  }

  async #until(isTrue: () => boolean, msMax: number): Promise<void> {
    const endMs = this.#clock.monotonicMs() + msMax
    while (!isTrue() && this.#clock.monotonicMs() < endMs) await this.#sleep(lookMs)
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.startTimer(ms, resolve))
  }
}
