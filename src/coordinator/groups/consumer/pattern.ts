/**
 * Regular expressions of SubscribedTopicRegex, in RE2's syntax: matching takes time that grows with the text only, whatever the
 * pattern. What the pattern itself can cost is bounded here.
 */

import { createRequire } from 'node:module'
import { ErrorCode } from '../../../wire/generated/errors.ts'
import type { Refusal } from '../../configs/alter.ts'

type Library = Pick<typeof import('re2js'), 'RE2JS' | 'RE2JSSyntaxException'>

/** A pattern ready to be matched. */
export type Pattern = { matches(name: string): boolean }

/** Code units of a pattern: compiling a longer one may take the coordinator more than some 30 ms. */
export const patternLengthMax = 1_024
/** Steps of a compiled pattern: with more, matching one topic's name may take more than some 50 ms. */
export const patternStepsMax = 1_000
const tooManySteps = `it takes more than ${patternStepsMax} steps`

let loaded: Library | undefined

/** Loaded at the first use: most brokers never meet a regular expression. */
function library(): Library {
  loaded ??= createRequire(import.meta.url)('re2js') as Library
  return loaded
}

/** The compiled pattern, or INVALID_REGULAR_EXPRESSION with Kafka's sentence. */
export function compilePattern(regex: string): Pattern | Refusal {
  if (regex.length > patternLengthMax) return refusal(regex, `it is longer than ${patternLengthMax}`)
  if (repeatsOf(regex) > patternStepsMax) return refusal(regex, tooManySteps)
  const { RE2JS, RE2JSSyntaxException } = library()
  try {
    const compiled = RE2JS.compile(regex)
    if (compiled.programSize() > patternStepsMax) return refusal(regex, tooManySteps)
    return { matches: (name) => compiled.testExact(name) }
  } catch (thrown) {
    if (thrown instanceof RE2JSSyntaxException) return refusal(regex, thrown.getDescription())
    throw thrown
  }
}

/** All counts of `x{1,3}` together: each is a step at least, and compiling them only to find that out may take a quarter second. */
function repeatsOf(regex: string): number {
  let repeats = 0
  for (const [, least, most] of regex.matchAll(/\{(\d+)(?:,(\d*))?\}/g)) repeats += Number(most || least)
  return repeats
}

function refusal(regex: string, reason: string): Refusal {
  const message = `SubscribedTopicRegex \`${regex}\` is not a valid regular expression: ${reason}.`
  return { errorCode: ErrorCode.INVALID_REGULAR_EXPRESSION, message }
}
