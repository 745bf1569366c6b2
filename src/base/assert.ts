/** Assertions that stay on in production: a broken invariant stops the thread, since wrong memory is worse than no broker. */

import { SafkaError } from './errors.ts'

/** Throws an AssertionFailed error when `condition` is false. Keep `message` a constant string on the data path. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) fail(message)
}

/** Narrows away undefined and null, for values that the surrounding code has already made certain. */
export function assertDefined<Value>(value: Value | undefined | null, message: string): Value {
  if (value === undefined || value === null) fail(message)
  return value
}

function fail(message: string): never {
  throw new SafkaError('SAFKA_ASSERTION_FAILED', `invariant broken: ${message}`)
}
