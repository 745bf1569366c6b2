/** How many partitions clients may create and delete: Kafka's ControllerMutationQuotaManager, a bucket of tokens a client (KIP-599). */

import type { Clock } from '../../base/clock.ts'
import { anonymous, type EntityLimits, QuotaBook } from '../../metrics/client-quotas.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { Refusal } from '../configs/alter.ts'

/** Buckets remembered; one that is forgotten is full again, as after the time of all windows. */
const bucketsMax = 10_000

const exceeded: Refusal = { errorCode: ErrorCode.THROTTLING_QUOTA_EXCEEDED, message: null }

/** One request's dealings with the client's bucket. */
export interface MutationQuota {
  /** Takes a token for each partition; a refusal where the bucket is overdrawn already and the client can be told so. */
  charge(partitions: number): Refusal | undefined
  /** For how long the client is to wait by now. */
  throttleTimeMs(): number
}

/** What the broker does by itself is not limited. */
export const unlimitedMutations: MutationQuota = { charge: () => undefined, throttleTimeMs: () => 0 }

type Bucket = { tokens: number; filledMs: number }

/** All buckets. */
export class MutationQuotas {
  readonly #clock: Clock
  readonly #burstSeconds: number
  readonly #buckets = new Map<string, Bucket>()
  #limits: readonly EntityLimits[] = []
  #book = new QuotaBook([])

  /** `burstSeconds`: a full bucket holds what is allowed in that time (`controller.quota.window.num` times its size). */
  constructor(options: { readonly clock: Clock; readonly burstSeconds: number }) {
    this.#clock = options.clock
    this.#burstSeconds = options.burstSeconds
  }

  /**
   * The quota for a request of a client under these limits. `isStrict`: the client knows the error that says it has to wait; for
   * others everything is done, and they wait afterwards.
   */
  of(
    limits: readonly EntityLimits[],
    clientId: string | null,
    { isStrict }: { readonly isStrict: boolean },
  ): MutationQuota {
    if (limits !== this.#limits) {
      this.#limits = limits
      this.#book = new QuotaBook(limits)
    }
    const client = { user: anonymous, clientId: clientId ?? '' }
    const applied = this.#book.limitOf('controller_mutation_rate', client)
    if (applied === undefined) return unlimitedMutations
    const { limit, name } = applied
    const fill = (): Bucket => this.#fill(name, limit)
    let waitUntilMs = 0
    return {
      charge: (partitions) => {
        const bucket = fill()
        const isOverdrawn = bucket.tokens < 0
        if (!isOverdrawn || !isStrict) bucket.tokens -= partitions
        if (isStrict ? isOverdrawn : bucket.tokens < 0) {
          waitUntilMs = this.#clock.nowMs() + Math.round((-bucket.tokens / limit) * 1_000)
        }
        return isStrict && isOverdrawn ? exceeded : undefined
      },
      throttleTimeMs: () => Math.max(0, waitUntilMs - this.#clock.nowMs()),
    }
  }

  #fill(name: string, limit: number): Bucket {
    const nowMs = this.#clock.nowMs()
    const burst = limit * this.#burstSeconds
    const bucket = this.#buckets.get(name) ?? { tokens: burst, filledMs: nowMs }
    bucket.tokens = Math.min(burst, bucket.tokens + (limit * (nowMs - bucket.filledMs)) / 1_000)
    bucket.filledMs = nowMs
    this.#buckets.delete(name)
    this.#buckets.set(name, bucket)
    if (this.#buckets.size > bucketsMax) {
      const [stalest] = this.#buckets.keys()
      if (stalest !== undefined) this.#buckets.delete(stalest)
    }
    return bucket
  }
}
