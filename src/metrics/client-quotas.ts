/** The limits of clients, and how long one that is beyond its limit has to wait: Kafka's ClientQuotaManager over shared rates. */

import { Rates, type RateWindows, rateKey } from './rates.ts'

/** Kafka's names of what can be limited for a client. */
export type QuotaKey = 'producer_byte_rate' | 'consumer_byte_rate' | 'request_percentage' | 'controller_mutation_rate'

/** The limits of one entity as plain data, fit to be sent between threads; null names the default of a type. */
export type EntityLimits = {
  readonly user?: string | null
  readonly clientId?: string | null
  readonly ip?: string | null
  /** By Kafka's name of the quota. */
  readonly values: Readonly<Record<string, number>>
}

/** Everything that limits clients, as plain data. */
export type ClientLimits = {
  readonly entities: readonly EntityLimits[]
  readonly connections: {
    /** Connections of a front at once. */
    readonly max: number
    readonly perAddressMax: number
    /** By address. */
    readonly perAddressOverrides: Readonly<Record<string, number>>
    /** New ones a second, from everywhere together. */
    readonly ratePerSecond: number
  }
}

/** Who is limited. */
export type Client = { readonly user: string; readonly clientId: string }

/** The limit that counts for a client, and under which name its rate is kept: several clients may share one. */
export type AppliedLimit = { readonly limit: number; readonly name: string }

/** The user of everybody on a listener that asks nobody who they are. */
export const anonymous = 'ANONYMOUS'

/** Clients whose limits are remembered: looking them up again costs little. */
const remembered = 4_096
const nanosPerPercent = 1e7

/** Finds the limits of clients: the most exact entity counts, in Kafka's order (ClientQuotaManager.DefaultQuotaCallback). */
export class QuotaBook {
  readonly #limits = new Map<string, number>()
  readonly #keys = new Set<string>()
  readonly #found = new Map<string, AppliedLimit | null>()

  constructor(entities: readonly EntityLimits[]) {
    for (const { user, clientId, ip, values } of entities) {
      for (const [key, limit] of Object.entries(values)) {
        this.#keys.add(key)
        this.#limits.set(placeOf(key, ip === undefined ? [user, clientId] : [ip]), limit)
      }
    }
  }

  /** Whether anybody is limited so. */
  has(key: string): boolean {
    return this.#keys.has(key)
  }

  limitOf(key: QuotaKey, client: Client): AppliedLimit | undefined {
    const text = `${key}\n${client.user}\n${client.clientId}`
    let found = this.#found.get(text)
    if (found === undefined) {
      found = this.#find(key, client) ?? null
      if (this.#found.size === remembered) this.#found.clear()
      this.#found.set(text, found)
    }
    return found ?? undefined
  }

  /** Connections a second from one address. */
  connectionRateOf(address: string): number | undefined {
    const key = 'connection_creation_rate'
    return this.#limits.get(placeOf(key, [address])) ?? this.#limits.get(placeOf(key, [null]))
  }

  #find(key: QuotaKey, { user, clientId }: Client): AppliedLimit | undefined {
    const places: readonly (readonly [Name, Name])[] = [
      [user, clientId],
      [user, null],
      [user, undefined],
      [null, clientId],
      [null, null],
      [null, undefined],
      [undefined, clientId],
      [undefined, null],
    ]
    for (const place of places) {
      const limit = this.#limits.get(placeOf(key, place))
      if (limit === undefined) continue
      const [byUser, byClient] = place
      const shared = [byUser === undefined ? undefined : user, byClient === undefined ? undefined : clientId]
      return { limit, name: placeOf(key, shared) }
    }
    return undefined
  }
}

type Name = string | null | undefined

function placeOf(key: string, names: readonly Name[]): string {
  return JSON.stringify([key, ...names.map((name) => (name === undefined ? [] : name))])
}

/** One thread's view of the clients' limits and rates. */
export class ClientQuotas {
  readonly #rates: Rates
  readonly #windows: RateWindows
  #book = new QuotaBook([])
  /** Whether anything of a request is limited for anybody: where not, nobody needs to ask for more. */
  isOn = false
  /** Whether the time that requests take is to be told. */
  timesRequests = false

  constructor(options: {
    readonly rates: SharedArrayBuffer
    readonly lane: number
    readonly lanes: number
    readonly windows: RateWindows
  }) {
    this.#windows = options.windows
    this.#rates = new Rates(options.rates, options)
  }

  get book(): QuotaBook {
    return this.#book
  }

  /** From now on these are all limits that there are. */
  apply(entities: readonly EntityLimits[]): void {
    this.#book = new QuotaBook(entities)
    this.timesRequests = this.#book.has('request_percentage')
    this.isOn = this.timesRequests || this.#book.has('producer_byte_rate') || this.#book.has('consumer_byte_rate')
  }

  /** Counts bytes of a produce or a fetch; answers for how many milliseconds the client is to wait. */
  throttleBytes(
    key: 'producer_byte_rate' | 'consumer_byte_rate',
    client: Client,
    use: { readonly bytes: number; readonly nowMs: number },
  ): number {
    return this.#throttle(this.#book.limitOf(key, client), use.bytes, use.nowMs)
  }

  /** Counts the time that a request took of a thread; at most one window is to be waited, as in Kafka. */
  throttleTime(client: Client, use: { readonly tookMs: number; readonly nowMs: number }): number {
    const applied = this.#book.limitOf('request_percentage', client)
    if (applied === undefined) return 0
    const limit = applied.limit * nanosPerPercent
    const waitMs = this.#throttle({ ...applied, limit }, Math.round(use.tookMs * 1e6), use.nowMs)
    return Math.min(waitMs, this.#windows.lengthMs)
  }

  /** Counts a connection; where it is one too many it does not count, and the answer is not 0. */
  throttleConnection(name: string, limit: number, nowMs: number): number {
    const waitMs = this.#throttle({ limit, name }, 1, nowMs)
    if (waitMs > 0) this.#add(name, -1, nowMs)
    return Math.min(waitMs, this.#windows.lengthMs)
  }

  /** What was fetched is not sent after all. */
  takeBackBytes(client: Client, use: { readonly bytes: number; readonly nowMs: number }): void {
    const applied = this.#book.limitOf('consumer_byte_rate', client)
    if (applied !== undefined) this.#add(applied.name, -use.bytes, use.nowMs)
  }

  /** No fetch may bring more at once: it could never be allowed. */
  fetchBytesMax(client: Client): number {
    const applied = this.#book.limitOf('consumer_byte_rate', client)
    if (applied === undefined) return Number.MAX_SAFE_INTEGER
    return Math.floor(applied.limit * (this.#windows.count - 1) * (this.#windows.lengthMs / 1_000))
  }

  /** Kafka's QuotaUtils.throttleTime: as long as it takes until the amount of the windows is within the limit. */
  #throttle(applied: AppliedLimit | undefined, amount: number, nowMs: number): number {
    if (applied === undefined) return 0
    const place = this.#add(applied.name, amount, nowMs)
    if (place === -1) return 0
    const measured = this.#rates.measure(place, nowMs)
    const rate = measured.amount / (measured.elapsedMs / 1_000)
    if (rate <= applied.limit) return 0
    return Math.round(((rate - applied.limit) / applied.limit) * measured.elapsedMs)
  }

  #add(name: string, amount: number, nowMs: number): number {
    const place = this.#rates.placeOf(rateKey(name), nowMs)
    if (place !== -1) this.#rates.add(place, amount, nowMs)
    return place
  }
}
