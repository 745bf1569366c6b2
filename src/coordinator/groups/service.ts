/** What the handlers of group requests use of the coordinator, and what they look like. */

import type { GroupConfigs } from '../group-configs.ts'
import type { RequestContext } from '../ports.ts'
import type { TopicView } from '../topic-view.ts'
import type { Waiter } from '../waiter.ts'
import type { Decision } from './decision.ts'
import type { Group } from './group.ts'
import type { GroupSettings } from './settings.ts'
import type { GroupShard } from './shard.ts'

export type GroupService = {
  readonly settings: GroupSettings
  readonly topics: TopicView
  readonly groupConfigs: GroupConfigs
  readonly shards: readonly GroupShard[]
  shardOf(groupId: string): GroupShard
  /** Decides about one group, or refuses `waiter` where its shard cannot be asked now. */
  decide<Response>(
    groupId: string,
    waiter: Waiter<Response>,
    decide: (decision: Decision, group: Group | undefined) => void,
  ): void
  /** Whether the broker may hold one group more. */
  hasRoomForGroup(): boolean
  /** A member joined on this connection. */
  noteConnection(connectionId: string, groupId: string): void
}

export type GroupCall = {
  readonly context: RequestContext
  /** As the registry decoded it for `context.apiKey`. */
  readonly request: unknown
  /** To be called once. */
  readonly reply: (response: unknown) => void
}

/** Handles one API's requests. */
export type GroupHandler = (service: GroupService, call: GroupCall) => void
