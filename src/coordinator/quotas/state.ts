/** The quotas that were set, by the entity that they are for. */

import type { EntityLimits } from '../../metrics/client-quotas.ts'

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
  #limits: readonly EntityLimits[] | undefined

  all(): Iterable<QuotaEntry> {
    return this.#entries.values()
  }

  of(entity: QuotaEntity): ReadonlyMap<string, number> {
    return this.#entries.get(keyOf(entity))?.values ?? none
  }

  /** All of them as plain data: the same list until something changes. */
  limits(): readonly EntityLimits[] {
    this.#limits ??= [...this.#entries.values()].map(({ entity, values }) => ({
      ...named('user', entity.get('user')),
      ...named('clientId', entity.get('client-id')),
      ...named('ip', entity.get('ip')),
      values: Object.fromEntries(values),
    }))
    return this.#limits
  }

  /** null takes the limit away; an entity without limits is forgotten. */
  set(entity: QuotaEntity, key: string, value: number | null): void {
    this.#limits = undefined
    const values = new Map(this.of(entity))
    if (value === null) values.delete(key)
    else values.set(key, value)
    if (values.size === 0) this.#entries.delete(keyOf(entity))
    else this.#entries.set(keyOf(entity), { entity, values })
  }
}

function named(field: 'user' | 'clientId' | 'ip', name: string | null | undefined): Partial<EntityLimits> {
  return name === undefined ? {} : { [field]: name }
}

/** Unlike Kafka's text, this tells the default from a user called 'null', whatever characters names have. */
function keyOf(entity: QuotaEntity): string {
  return JSON.stringify([...entity])
}
