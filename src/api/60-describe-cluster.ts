/**
 * DescribeCluster (key 60), versions 0-2: the cluster's id, its controller and its brokers.
 *
 * Behaviour: one broker, which is the controller; it is never fenced. Versions: 1 brought the endpoint type, and asking a broker for
 * the controllers' endpoints is a mismatch; 2 brought fenced brokers.
 */

import {
  type DescribeClusterRequest,
  type DescribeClusterResponse,
  decodeDescribeClusterRequest,
  encodeDescribeClusterResponse,
  makeDescribeClusterResponse,
  makeDescribeClusterResponseDescribeClusterBroker,
} from '../wire/generated/describe-cluster.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { type Call, defineApi } from './api.ts'
import { clusterOperations, operationsUnasked } from './operations.ts'

export const describeCluster = defineApi({
  place: 'front',
  key: 60,
  versions: [0, 2],
  decode: decodeDescribeClusterRequest,
  encode: encodeDescribeClusterResponse,
  handle: answer,
})

const brokerEndpoints = 1
const controllerEndpoints = 2

function answer(request: DescribeClusterRequest, call: Call<DescribeClusterResponse>): void {
  const { endpointType } = request
  if (call.apiVersion >= 1 && endpointType !== brokerEndpoints) {
    const isMismatch = endpointType === controllerEndpoints
    call.reply(
      makeDescribeClusterResponse({
        errorCode: isMismatch ? ErrorCode.MISMATCHED_ENDPOINT_TYPE : ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
        errorMessage: isMismatch
          ? 'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER'
          : `Unsupported endpoint type ${endpointType}`,
      }),
    )
    return
  }
  const { clusterId, nodeId } = call.ports.cluster
  const { brokerHost, brokerPort } = call.caller
  call.reply(
    makeDescribeClusterResponse({
      endpointType: brokerEndpoints,
      clusterId,
      controllerId: nodeId,
      brokers: [
        makeDescribeClusterResponseDescribeClusterBroker({ brokerId: nodeId, host: brokerHost, port: brokerPort }),
      ],
      clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? clusterOperations : operationsUnasked,
    }),
  )
}
