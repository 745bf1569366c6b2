/** Produces that wait for room in a ring: for the bell where it is full, for main where there is none. */

import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { PartitionSlot } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { MainControl } from '../broker/remotes.ts'
import type { PartitionTable } from '../ring/table.ts'
import { ErrorCode } from '../wire/generated/errors.ts'

/** So often a ring may be found full before main is asked to grow it. */
export const fullsBeforeGrowth = 8
/** How long to wait before memory is asked for again. */
const retryMs = 50

type Waiter = (errorCode: number) => void
type SlotState = { waiters: Set<Waiter>; isArmed: boolean; fulls: number; growing: Promise<boolean> | undefined }

export class Room {
  readonly #table: PartitionTable
  readonly #writer: number
  readonly #clock: Clock
  readonly #main: MainControl
  readonly #logger: Logger
  readonly #wantOwner: (slot: PartitionSlot) => void
  readonly #states = new Map<PartitionSlot, SlotState>()

  constructor(options: {
    readonly table: PartitionTable
    readonly writer: number
    readonly clock: Clock
    readonly main: MainControl
    readonly logger: Logger
    /** Wakes the partition's owner: a full ring is emptied by nobody else. */
    readonly wantOwner: (slot: PartitionSlot) => void
  }) {
    this.#table = options.table
    this.#writer = options.writer
    this.#clock = options.clock
    this.#main = options.main
    this.#logger = options.logger
    this.#wantOwner = options.wantOwner
  }

  /** Waits for main to give the partition a ring that can hold `bytes`. */
  async waitForRing(slot: PartitionSlot, bytes: number, deadlineMs: number): Promise<number> {
    if (this.#clock.monotonicMs() >= deadlineMs) return ErrorCode.REQUEST_TIMED_OUT
    const isThere = await this.#ensureRing(slot, bytes, false)
    return isThere ? ErrorCode.NONE : this.#wait(slot, Math.min(deadlineMs, this.#clock.monotonicMs() + retryMs), true)
  }

  /**
   * Waits until the owner has made room. The first call only asks for the bell, and resolves at once: the caller tries again,
   * so that room made meanwhile is not slept through; then it calls again.
   */
  async waitForBell(slot: PartitionSlot, bytes: number, deadlineMs: number, canGrow: boolean): Promise<number> {
    const state = this.#stateOf(slot)
    if (!state.isArmed) {
      state.isArmed = true
      this.#table.addRoomInterest(slot, this.#writer)
      this.#wantOwner(slot)
      return ErrorCode.NONE
    }
    state.fulls += 1
    if (canGrow && state.fulls >= fullsBeforeGrowth) {
      state.fulls = 0
      void this.#ensureRing(slot, bytes, true)
    }
    return this.#wait(slot, deadlineMs, false)
  }

  /** The partition has more room, or another ring: those that wait try again. */
  check(slot: PartitionSlot): number {
    const state = this.#states.get(slot)
    if (state === undefined) return 0
    state.isArmed = false
    const waiters = [...state.waiters]
    state.waiters.clear()
    for (const waiter of waiters) waiter(ErrorCode.NONE)
    return waiters.length
  }

  /** Whether somebody waits for this partition's owner. */
  hasWaiters(slot: PartitionSlot): boolean {
    return this.#states.get(slot)?.isArmed === true
  }

  forget(slot: PartitionSlot): void {
    this.check(slot)
    this.#states.delete(slot)
  }

  #wait(slot: PartitionSlot, deadlineMs: number, isPause: boolean): Promise<number> {
    const { waiters } = this.#stateOf(slot)
    return new Promise((resolve) => {
      const settle = (errorCode: number): void => {
        timer.cancel()
        waiters.delete(settle)
        resolve(errorCode)
      }
      const timer = this.#clock.startTimer(Math.max(0, deadlineMs - this.#clock.monotonicMs()), () =>
        settle(isPause ? ErrorCode.NONE : ErrorCode.REQUEST_TIMED_OUT),
      )
      waiters.add(settle)
    })
  }

  /** Asks main, once at a time for each partition. */
  #ensureRing(slot: PartitionSlot, bytes: number, isFull: boolean): Promise<boolean> {
    const state = this.#stateOf(slot)
    state.growing ??= this.#main
      .ensureRing(slot, bytes, isFull)
      .catch((thrown: unknown) => {
        this.#logger.warn('a ring could not be made', { slot, reason: messageOf(thrown) })
        return false
      })
      .finally(() => {
        state.growing = undefined
      })
    return state.growing
  }

  #stateOf(slot: PartitionSlot): SlotState {
    let state = this.#states.get(slot)
    if (state === undefined) {
      state = { waiters: new Set(), isArmed: false, fulls: 0, growing: undefined }
      this.#states.set(slot, state)
    }
    return state
  }
}
