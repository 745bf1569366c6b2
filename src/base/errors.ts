/** The errors that Safka throws: each has a stable code that programs can match on. */

/** A thrown error of Safka's. `code` starts with `SAFKA_` and is part of the public interface. */
export class SafkaError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'SafkaError'
    this.code = code
  }
}

/** The message of anything that was thrown, for log lines. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** The errno name ('ENOENT') of a thrown system error, or '' where it is none. */
export function errnoOf(thrown: unknown): string {
  if (thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string') return thrown.code
  return ''
}
