/** The clients that push metrics: what each was told, and when it last asked and pushed. */

import { ErrorCode } from '../../wire/generated/errors.ts'
import type { Wish } from './subscriptions.ts'

/** Clients remembered; those longest unheard of are forgotten first. Kafka's limit. */
export const clientInstancesMax = 16_384
/** A client is forgotten after this, or after three of its intervals. */
const forgottenAfterMsMin = 60_000

/** One client. */
export type ClientInstance = {
  readonly wish: Wish
  /** The state of all subscriptions that the wish comes from. */
  readonly version: object
  lastGetMs: number
  lastPushMs: number
  lastHeardMs: number
  isTerminating: boolean
  lastError: number
}

/** The clients by id, in the order in which they were last heard of. */
export class ClientInstances {
  readonly #byId = new Map<string, ClientInstance>()
  readonly #idByConnection = new Map<string, string>()

  get count(): number {
    return this.#byId.size
  }

  /**
   * The client with that id, made by `wish` where it is not known, or where subscriptions have changed since: then it may ask and
   * push at once.
   */
  heardOf(
    id: string,
    from: { readonly connectionId: string; readonly version: object; readonly nowMs: number },
    wish: () => Wish,
  ): ClientInstance {
    const { connectionId, version, nowMs } = from
    const present = this.#byId.get(id)
    const isKnown = present !== undefined && present.version === version && !isForgotten(present, nowMs)
    const instance = isKnown ? present : newInstance(wish(), version, nowMs)
    if (!isKnown) this.#idByConnection.set(connectionId, id)
    instance.lastHeardMs = nowMs
    this.#byId.delete(id)
    this.#byId.set(id, instance)
    if (this.#byId.size > clientInstancesMax) {
      const [stalest] = this.#byId.keys()
      if (stalest !== undefined) this.#byId.delete(stalest)
    }
    return instance
  }

  connectionClosed(connectionId: string): void {
    const id = this.#idByConnection.get(connectionId)
    if (id === undefined) return
    this.#idByConnection.delete(connectionId)
    this.#byId.delete(id)
  }
}

function newInstance(wish: Wish, version: object, nowMs: number): ClientInstance {
  const never = { lastGetMs: 0, lastPushMs: 0, lastHeardMs: nowMs }
  return { wish, version, ...never, isTerminating: false, lastError: ErrorCode.NONE }
}

function isForgotten({ wish, lastHeardMs }: ClientInstance, nowMs: number): boolean {
  return nowMs - lastHeardMs >= Math.max(forgottenAfterMsMin, wish.pushIntervalMs * 3)
}

/** Whether the client may ask now; a change of subscriptions makes it another instance, which may. */
export function mayGet(instance: ClientInstance, nowMs: number): boolean {
  if (nowMs - Math.max(instance.lastGetMs, instance.lastPushMs) < instance.wish.pushIntervalMs) return false
  instance.lastGetMs = nowMs
  return true
}

/** Whether the client may push now: at once after it has asked, as clients spread their first pushes. */
export function mayPush(instance: ClientInstance, nowMs: number): boolean {
  const hasAsked = instance.lastGetMs > instance.lastPushMs
  if (!hasAsked && nowMs - instance.lastPushMs < instance.wish.pushIntervalMs) return false
  instance.lastPushMs = nowMs
  return true
}
