/**
 * FindCoordinator (key 10), versions 0-6: this node coordinates every group, transaction and share group.
 *
 * Behaviour: keys are not looked at, since the answer is the same for all. Versions: 1 brought the key type, 4 several keys in one
 * request, 6 share groups (key type 2; before it, and for any other type, INVALID_REQUEST).
 */

import { invalidRequestWords } from '../wire/error-words.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import {
  decodeFindCoordinatorRequest,
  encodeFindCoordinatorResponse,
  type FindCoordinatorRequest,
  type FindCoordinatorResponse,
  makeFindCoordinatorResponse,
  makeFindCoordinatorResponseCoordinator,
} from '../wire/generated/find-coordinator.ts'
import { type Call, defineApi } from './api.ts'

export const findCoordinator = defineApi({
  place: 'front',
  key: 10,
  versions: [0, 6],
  decode: decodeFindCoordinatorRequest,
  encode: encodeFindCoordinatorResponse,
  handle: answer,
})

const transactionKeys = 1
const shareKeys = 2

function answer(request: FindCoordinatorRequest, call: Call<FindCoordinatorResponse>): void {
  const { keyType } = request
  const isKnown = keyType >= 0 && (keyType <= transactionKeys || (keyType === shareKeys && call.apiVersion >= 6))
  const place = isKnown
    ? {
        errorCode: ErrorCode.NONE,
        // Kafka says this much in the old form, and nothing in the new one.
        errorMessage: call.apiVersion < 4 ? 'NONE' : '',
        nodeId: call.ports.cluster.nodeId,
        host: call.caller.brokerHost,
        port: call.caller.brokerPort,
      }
    : {
        errorCode: ErrorCode.INVALID_REQUEST,
        errorMessage: invalidRequestWords,
        nodeId: -1,
        host: '',
        port: -1,
      }
  if (call.apiVersion < 4) {
    call.reply(makeFindCoordinatorResponse(place))
    return
  }
  const coordinators = request.coordinatorKeys.map((key) => makeFindCoordinatorResponseCoordinator({ key, ...place }))
  call.reply(makeFindCoordinatorResponse({ coordinators }))
}
