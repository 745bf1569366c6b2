/** The engine of a partition whose storage could not be opened: there is nothing to read or write, but it can be deleted. */

import { RingOnlyEngine } from './ring-only.ts'

export class UnopenedEngine extends RingOnlyEngine {
  readonly #remove: () => void

  /** `remove` removes what could not be opened; it throws nothing. */
  constructor(remove: () => void) {
    super()
    this.#remove = remove
  }

  override removeFiles(): void {
    this.#remove()
  }
}
