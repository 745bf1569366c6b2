/** Control calls between the simulated threads: each way a lane, so that calls and answers take their time. */

import type { FrontControl, MainControl, OwnerControl } from '../../src/broker/remotes.ts'
import { Lane } from './lane.ts'
import type { Scheduler } from './scheduler.ts'

/** Both ways between main and one thread. */
export class Link {
  readonly #there: Lane
  readonly #back: Lane

  constructor(scheduler: Scheduler, name: string) {
    this.#there = new Lane(scheduler, `call ${name}`)
    this.#back = new Lane(scheduler, `answer ${name}`)
  }

  call<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#there.post(() => {
        work().then(
          (answer) => this.#back.post(() => resolve(answer)),
          (thrown: unknown) => this.#back.post(() => reject(thrown)),
        )
      })
    })
  }

  end(): void {
    this.#there.end()
    this.#back.end()
  }
}

export function remoteOwner(owner: OwnerControl, link: Link): OwnerControl {
  return {
    open: (partitions) => link.call(() => owner.open(partitions)),
    attachRing: (slot, ring) => link.call(() => owner.attachRing(slot, ring)),
    detachRing: (slot) => link.call(() => owner.detachRing(slot)),
    configure: (slot, settings) => link.call(() => owner.configure(slot, settings)),
    remove: (slots) => link.call(() => owner.remove(slots)),
    deleteRecords: (slot, beforeOffset) => link.call(() => owner.deleteRecords(slot, beforeOffset)),
    dirtiestLog: (except) => link.call(() => owner.dirtiestLog(except)),
    replaceSegments: (slot, cleaned) => link.call(() => owner.replaceSegments(slot, cleaned)),
    setCleanedEnds: (ends) => link.call(() => owner.setCleanedEnds(ends)),
    describe: (slots) => link.call(() => owner.describe(slots)),
    describeProducers: (slot) => link.call(() => owner.describeProducers(slot)),
    stop: () => link.call(() => owner.stop()),
  }
}

export function remoteFront(front: FrontControl, link: Link): FrontControl {
  return {
    applyCatalog: (changes) => link.call(() => front.applyCatalog(changes)),
    applyLimits: (limits) => link.call(() => front.applyLimits(limits)),
    attachRing: (slot, ring) => link.call(() => front.attachRing(slot, ring)),
    listen: (listeners) => link.call(() => front.listen(listeners)),
    stop: (isAbrupt) => link.call(() => front.stop(isAbrupt)),
  }
}

export function remoteMain(main: MainControl, link: Link): MainControl {
  return {
    ensureRing: (slot, entryBytes, isFull) => link.call(() => main.ensureRing(slot, entryBytes, isFull)),
    ensureTopics: (names) => link.call(() => main.ensureTopics(names)),
    addToTransaction: (addition) => link.call(() => main.addToTransaction(addition)),
    log: (level, message, fields) => link.call(() => main.log(level, message, fields)),
  }
}
