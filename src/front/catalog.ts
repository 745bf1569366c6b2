/** The topics as a front knows them, by name and by id. */

import type { Catalog } from '../api/ports.ts'
import type { TopicIdHex } from '../base/ids.ts'
import type { CatalogChange, CatalogTopic } from '../base/topology.ts'

export class FrontCatalog implements Catalog {
  readonly #byName = new Map<string, CatalogTopic>()
  readonly #byId = new Map<TopicIdHex, CatalogTopic>()
  #sorted: readonly CatalogTopic[] | undefined

  byName(name: string): CatalogTopic | undefined {
    return this.#byName.get(name)
  }

  byId(id: TopicIdHex): CatalogTopic | undefined {
    return this.#byId.get(id)
  }

  all(): readonly CatalogTopic[] {
    this.#sorted ??= [...this.#byName.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
    return this.#sorted
  }

  /** Applies one change; answers the topic as it was before. */
  apply(change: CatalogChange): CatalogTopic | undefined {
    this.#sorted = undefined
    const id = change.kind === 'put' ? change.topic.id : change.id
    const name = change.kind === 'put' ? change.topic.name : change.name
    const before = this.#byId.get(id)
    if (change.kind === 'put') {
      this.#byName.set(name, change.topic)
      this.#byId.set(id, change.topic)
      return before
    }
    this.#byId.delete(id)
    // A topic of that name may have been created anew before this one's removal is heard of.
    if (this.#byName.get(name)?.id === id) this.#byName.delete(name)
    return before
  }
}
