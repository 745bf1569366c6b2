/**
 * ApiVersions (key 18), versions 0-4: which APIs and versions this broker speaks.
 *
 * Behaviour: the response header is version 0 always. An unknown version of the request is answered with a version 0 body that
 * carries UNSUPPORTED_VERSION and, as Kafka has it, this API's own range, for the client to try again. A name or version of the
 * client software that is malformed gets INVALID_REQUEST. Produce is advertised from 0, since librdkafka looks at that before it
 * compresses. Features: `group.version`, whose level 1 has consumer groups (KIP-848), `metadata.version`, by which tools tell the
 * broker's version, and `transaction.version`, at whose level 2 producers get a new epoch with each transaction (KIP-890); the others are
 * left out until they are true here.
 * Versions: 3 brought the client's name and features; only 4 lists features whose least version is 0, as clients before it would
 * fail on them.
 */

import { features } from '../base/features.ts'
import {
  type ApiVersionsRequest,
  type ApiVersionsResponse,
  decodeApiVersionsRequest,
  encodeApiVersionsResponse,
  makeApiVersionsResponse,
  makeApiVersionsResponseApiVersion,
  makeApiVersionsResponseFinalizedFeatureKey,
  makeApiVersionsResponseSupportedFeatureKey,
} from '../wire/generated/api-versions.ts'
import { ErrorCode } from '../wire/generated/errors.ts'
import { Call, defineApi, type RawCall } from './api.ts'

export const apiVersions = defineApi({
  place: 'front',
  key: 18,
  versions: [0, 4],
  decode: decodeApiVersionsRequest,
  encode: encodeApiVersionsResponse,
  handle: answer,
})

const produceKey = 0
const softwareName = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

/** The first version of the request whose clients take features with the least version 0. */
const leastZeroVersion = 4

function answer(request: ApiVersionsRequest, call: Call<ApiVersionsResponse>): void {
  const isNamed = softwareName.test(request.clientSoftwareName) && softwareName.test(request.clientSoftwareVersion)
  if (call.apiVersion >= 3 && !isNamed) {
    call.reply(makeApiVersionsResponse({ errorCode: ErrorCode.INVALID_REQUEST }))
    return
  }
  if (call.apiVersion >= 3) {
    call.caller.software = { name: request.clientSoftwareName, version: request.clientSoftwareVersion }
  }
  const supported = features.filter(({ least }) => least > 0 || call.apiVersion >= leastZeroVersion)
  call.reply(
    makeApiVersionsResponse({
      apiKeys: call.ports.offered.map(({ key, versionMin, versionMax }) =>
        makeApiVersionsResponseApiVersion({
          apiKey: key,
          minVersion: key === produceKey ? 0 : versionMin,
          maxVersion: versionMax,
        }),
      ),
      supportedFeatures: supported.map(({ name, least, greatest }) =>
        makeApiVersionsResponseSupportedFeatureKey({ name, minVersion: least, maxVersion: greatest }),
      ),
      finalizedFeaturesEpoch: 0,
      finalizedFeatures: features.map(({ name, greatest }) =>
        makeApiVersionsResponseFinalizedFeatureKey({ name, minVersionLevel: greatest, maxVersionLevel: greatest }),
      ),
    }),
  )
}

/** Answers a request of a version that nobody knows; its body is not read. */
export function refuseApiVersions(raw: RawCall): void {
  const apiKeys = [
    makeApiVersionsResponseApiVersion({
      apiKey: apiVersions.key,
      minVersion: apiVersions.versionMin,
      maxVersion: apiVersions.versionMax,
    }),
  ]
  const response = makeApiVersionsResponse({ errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys })
  new Call(raw, encodeApiVersionsResponse).replyAs(response, 0)
}
