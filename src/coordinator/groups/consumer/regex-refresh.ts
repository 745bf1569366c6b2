/** When a group's regular expressions are matched with all topics anew, and what follows from it. */

import { assertDefined } from '../../../base/assert.ts'
import type { Decision } from '../decision.ts'
import { regexTopicsBytesMax } from '../limits.ts'
import { namesBytes } from './checks.ts'
import { lookAtTopics } from './epoch.ts'
import type { ConsumerGroup } from './state.ts'
import { writer } from './write.ts'

/** However many topics and expressions come, a group's expressions are not matched more often than this. */
const refreshMsMin = 10_000

/** Asks for a refresh where there is reason for one: an expression without topics, topics that are new, or time. */
export function noteRefresh(
  decision: Decision,
  group: ConsumerGroup,
  { hasNewRegex, regex }: { readonly hasNewRegex: boolean; readonly regex: string },
): void {
  if (group.regexMembers.size === 0 || group.isResolving) return
  const { topics, settings } = decision.ports
  const [resolved] = group.regexes.values()
  if (resolved !== undefined && decision.nowMs <= resolved.timestampMs + refreshMsMin) return
  const isFirstReader = hasNewRegex && regex !== '' && group.regexMembers.get(regex) === 1
  group.isRefreshWanted =
    isFirstReader ||
    resolved === undefined ||
    group.regexMembers.size !== group.regexes.size ||
    resolved.version !== topics.createdCount() ||
    decision.nowMs > resolved.timestampMs + settings.consumer.regexRefreshMs
}

/** Takes over what the expressions stand for now. Those that nobody reads any more are left out. */
export function decideResolved(
  decision: Decision,
  groupId: string,
  found: {
    readonly matches: ReadonlyMap<string, readonly string[]>
    readonly version: number
    readonly timestampMs: number
  },
): void {
  const write = writer(decision, groupId)
  const group = assertDefined(decision.current()?.consumer, 'expressions of no group')
  let isBumped = false
  for (const [regex, names] of found.matches) {
    if (!group.regexMembers.has(regex)) continue
    const topics = namesBytes(names) > regexTopicsBytesMax ? [] : [...names].sort()
    const former = group.regexes.get(regex)?.topics ?? []
    if (former.length !== topics.length || topics.some((name, at) => name !== former[at])) isBumped = true
    write({ of: 'regex', regex, value: { topics, version: found.version, timestampMs: found.timestampMs } })
  }
  lookAtTopics(decision, groupId, { isBumped })
}
