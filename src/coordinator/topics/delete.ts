/** Decides DeleteTopics, by name and by id (Kafka's ControllerApis). */

import { noTopicId, topicIdBytes, topicIdHex } from '../../base/ids.ts'
import {
  type DeleteTopicsRequest,
  type DeleteTopicsResponse,
  type DeleteTopicsResponseDeletableTopicResult,
  makeDeleteTopicsResponse,
  makeDeleteTopicsResponseDeletableTopicResult,
} from '../../wire/generated/delete-topics.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { Refusal } from '../configs/alter.ts'
import { brokerConfigValue } from '../configs/effective.ts'
import type { MutationQuota } from '../quotas/mutations.ts'
import { type Decision, duplicatesOf } from './decision.ts'
import type { MetadataRecord } from './records.ts'
import { type MetadataState, ownTopicNames, type TopicState } from './state.ts'

type Wanted = { readonly name: string | null; readonly id: string }

/** Decides a DeleteTopics request. */
export function decideDeleteTopics(
  state: MetadataState,
  request: DeleteTopicsRequest,
  { apiVersion, quota }: { readonly apiVersion: number; readonly quota: MutationQuota },
): Decision<DeleteTopicsResponse> {
  const wanted = wantedTopics(request)
  const refusal = deletionRefusal(state, apiVersion)
  const check = refusal === undefined ? checker(state, wanted) : () => refusal
  // A topic that is wanted by its name and by its id is refused once, under its name.
  const idOfName = (name: string | null): string | undefined => (name === null ? undefined : state.topic(name)?.id)
  const idsWanted = new Set(wanted.flatMap(({ name, id }) => (name === null ? [id] : [])))
  const idsNamed = new Set(wanted.flatMap(({ name, id }) => (id === noTopicId ? (idOfName(name) ?? []) : [])))
  const records: MetadataRecord[] = []
  const touched: string[] = []
  const responses: DeleteTopicsResponseDeletableTopicResult[] = []
  const answered = new Set<string>()
  for (const topic of wanted) {
    const key = topic.name === null ? topic.id : `name ${topic.name}`
    if (answered.has(key) || (topic.name === null && idsNamed.has(topic.id))) continue
    answered.add(key)
    const found = check(topic)
    if ('errorCode' in found) {
      const id = idOfName(topic.name) ?? topic.id
      responses.push(refusedDeletion(idsWanted.has(id) ? { ...topic, id } : topic, found))
      continue
    }
    if (ownTopicNames.has(found.name)) {
      responses.push(refusedDeletion(topic, ownTopic))
      continue
    }
    const refusedByQuota = quota.charge(found.partitionCount)
    if (refusedByQuota !== undefined) {
      responses.push(refusedDeletion({ name: found.name, id: found.id }, refusedByQuota))
      continue
    }
    records.push({ kind: 'remove-topic', id: found.id })
    touched.push(found.name)
    responses.push(
      makeDeleteTopicsResponseDeletableTopicResult({
        name: found.name,
        topicId: topicIdBytes(found.id),
        errorCode: ErrorCode.NONE,
        errorMessage: null,
      }),
    )
  }
  return { records, touched, response: makeDeleteTopicsResponse({ responses }) }
}

/** The whole request refused for one reason. */
export function refuseDeleteTopics(request: DeleteTopicsRequest, refusal: Refusal): DeleteTopicsResponse {
  return makeDeleteTopicsResponse({ responses: wantedTopics(request).map((topic) => refusedDeletion(topic, refusal)) })
}

/** Versions before 6 name topics in a list of strings, later ones by name or id. */
function wantedTopics(request: DeleteTopicsRequest): Wanted[] {
  if (request.topics.length > 0) {
    return request.topics.map((topic) => ({ name: topic.name, id: topicIdHex(topic.topicId) }))
  }
  return request.topicNames.map((name) => ({ name, id: noTopicId }))
}

function deletionRefusal(state: MetadataState, apiVersion: number): Refusal | undefined {
  if (brokerConfigValue('delete.topic.enable', state.brokerConfigs()) !== 'false') return undefined
  const errorCode = apiVersion < 3 ? ErrorCode.INVALID_REQUEST : ErrorCode.TOPIC_DELETION_DISABLED
  return { errorCode, message: 'Topic deletion is disabled.' }
}

function checker(state: MetadataState, wanted: readonly Wanted[]): (topic: Wanted) => TopicState | Refusal {
  const duplicateNames = duplicatesOf(wanted.flatMap((topic) => (topic.name === null ? [] : [topic.name])))
  const duplicateIds = duplicatesOf(wanted.flatMap((topic) => (topic.name === null ? [topic.id] : [])))
  const idsWanted = new Set(wanted.flatMap((topic) => (topic.name === null ? [topic.id] : [])))
  const invalid = (message: string): Refusal => ({ errorCode: ErrorCode.INVALID_REQUEST, message })
  return ({ name, id }) => {
    if (name !== null && id !== noTopicId) return invalid('You may not specify both topic name and topic id.')
    if (name === null && id === noTopicId) return invalid('Neither topic name nor id were specified.')
    if (name !== null) {
      if (duplicateNames.has(name)) return invalid('Duplicate topic name.')
      const found = state.topic(name)
      if (found === undefined) return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message: unknownTopicText }
      if (idsWanted.has(found.id)) return invalid('The provided topic name maps to an ID that was already supplied.')
      return found
    }
    if (duplicateIds.has(id)) return invalid('Duplicate topic id.')
    return state.topicById(id) ?? { errorCode: ErrorCode.UNKNOWN_TOPIC_ID, message: unknownTopicIdText }
  }
}

const ownTopic: Refusal = {
  errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION,
  message: "The broker's own topics cannot be deleted.",
}
const unknownTopicText = 'This server does not host this topic-partition.'
const unknownTopicIdText = 'This server does not host this topic ID.'

function refusedDeletion(topic: Wanted, refusal: Refusal): DeleteTopicsResponseDeletableTopicResult {
  return makeDeleteTopicsResponseDeletableTopicResult({
    name: topic.name,
    topicId: topicIdBytes(topic.id),
    errorCode: refusal.errorCode,
    errorMessage: refusal.message,
  })
}
