/** Access control lists: one entry, the filters that match entries, and all entries that there are. */

/** Kafka's numbers of the kinds of patterns that name resources. */
export const patternType = { unknown: 0, any: 1, match: 2, literal: 3, prefixed: 4 } as const
/** In resource types, operations and permissions this number stands for any of them. */
export const anyCode = 1
/** A literal pattern of this name is for every resource. */
const wildcard = '*'

/** Who may, or must not, do what to which resources from where; in Kafka's numbers. */
export type Acl = {
  readonly resourceType: number
  readonly resourceName: string
  readonly patternType: number
  /** 'User:alice'. */
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

/** What entries are looked for: null, or the number for any, where it does not matter. */
export type AclFilter = {
  readonly resourceTypeFilter: number
  readonly resourceNameFilter: string | null
  readonly patternTypeFilter: number
  readonly principalFilter: string | null
  readonly hostFilter: string | null
  readonly operation: number
  readonly permissionType: number
}

/** Whether the filter finds the entry (Kafka's AclBindingFilter). */
export function matches(filter: AclFilter, acl: Acl): boolean {
  return (
    isOf(filter.resourceTypeFilter, acl.resourceType) &&
    isOf(filter.operation, acl.operation) &&
    isOf(filter.permissionType, acl.permissionType) &&
    (filter.principalFilter === null || filter.principalFilter === acl.principal) &&
    (filter.hostFilter === null || filter.hostFilter === acl.host) &&
    matchesPattern(filter, acl)
  )
}

function isOf(asked: number, present: number): boolean {
  return asked === anyCode || asked === present
}

/** `match` finds all patterns that a resource of the name falls under; the others find patterns of just that name. */
function matchesPattern({ patternTypeFilter: asked, resourceNameFilter: name }: AclFilter, acl: Acl): boolean {
  if (asked !== patternType.any && asked !== patternType.match && asked !== acl.patternType) return false
  if (name === null || name === acl.resourceName) return true
  if (asked !== patternType.match) return false
  return acl.patternType === patternType.prefixed ? name.startsWith(acl.resourceName) : acl.resourceName === wildcard
}

/** Part of the hard state: entries by the id that the log knows them by. Changed by replaying records only. */
export class Acls {
  readonly #byId = new Map<string, Acl>()
  readonly #idsByText = new Map<string, string>()

  get count(): number {
    return this.#byId.size
  }

  /** Entries with their ids, in the order in which they were made. */
  all(): Iterable<readonly [string, Acl]> {
    return this.#byId
  }

  has(acl: Acl): boolean {
    return this.#idsByText.has(aclText(acl))
  }

  add(id: string, acl: Acl): void {
    this.#byId.set(id, acl)
    this.#idsByText.set(aclText(acl), id)
  }

  /** An id that is not there changes nothing. */
  remove(id: string): void {
    const acl = this.#byId.get(id)
    if (acl === undefined) return
    this.#byId.delete(id)
    this.#idsByText.delete(aclText(acl))
  }
}

/** The same for equal entries, and for no others. */
export function aclText(acl: Acl): string {
  const { resourceType, resourceName, patternType: pattern, principal, host, operation, permissionType } = acl
  return JSON.stringify([resourceType, resourceName, pattern, principal, host, operation, permissionType])
}
