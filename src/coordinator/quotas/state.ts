/** The quotas that were set, by the entity that they are for. */

/** Whom a quota is for: a name by type ('user', 'client-id', 'ip'), sorted by type; null names the default of the type. */
export type QuotaEntity = ReadonlyMap<string, string | null>

/** One entity's limits by key. */
export type QuotaEntry = { readonly entity: QuotaEntity; readonly values: ReadonlyMap<string, number> }

const none: ReadonlyMap<string, number> = new Map()

/** The entity as Kafka writes it: `{client-id=a, user=b}`. */
export function quotaEntityText(entity: QuotaEntity): string {
  return `{${[...entity].map(([type, name]) => `${type}=${name}`).join(', ')}}`
}

/** Part of the hard state; `set` is called by replaying records only. */
export class Quotas {
  readonly #entries = new Map<string, QuotaEntry>()

  all(): Iterable<QuotaEntry> {
    return this.#entries.values()
  }

  of(entity: QuotaEntity): ReadonlyMap<string, number> {
    return this.#entries.get(keyOf(entity))?.values ?? none
  }

  /** null takes the limit away; an entity without limits is forgotten. */
  set(entity: QuotaEntity, key: string, value: number | null): void {
    const values = new Map(this.of(entity))
    if (value === null) values.delete(key)
    else values.set(key, value)
    if (values.size === 0) this.#entries.delete(keyOf(entity))
    else this.#entries.set(keyOf(entity), { entity, values })
  }
}

/** Unlike Kafka's text, this tells the default from a user called 'null', whatever characters names have. */
function keyOf(entity: QuotaEntity): string {
  return JSON.stringify([...entity])
}
