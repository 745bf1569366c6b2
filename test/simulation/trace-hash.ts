/** A number that stands for everything that happened in a seed: the same seed must always come to the same one. */

/** FNV-1a over the names and facts of a run, in order. */
export class TraceHash {
  #hash = 0x811c9dc5

  add(text: string): void {
    let hash = this.#hash
    for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
    this.#hash = Math.imul(hash ^ 10, 0x01000193)
  }

  /** Eight hexadecimal digits. */
  text(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }
}
