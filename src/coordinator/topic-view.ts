/** What groups and offsets need to know of topics: which there are, under which id, with how many partitions. */

import type { TopicIdHex } from '../base/ids.ts'

/** A read-only view of the topics as they are at the moment of the call. */
export interface TopicView {
  /** The id of the topic with this name; undefined where there is none. */
  idOf(name: string): TopicIdHex | undefined
  /** The name of the topic with this id; undefined where there is none. */
  nameOf(id: TopicIdHex): string | undefined
  /** All topics, as they are at the moment of the call. */
  topicNames(): readonly string[]
  /** How many topics were ever created: another number says that there are new ones. */
  createdCount(): number
  /** How many partitions the topic has, numbered from 0; undefined where there is no such topic. */
  partitionCount(name: string): number | undefined
}
