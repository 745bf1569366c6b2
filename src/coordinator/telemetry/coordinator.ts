/** The coordinator of clients' metrics (KIP-714): tells clients what to push, and takes it, as Kafka's ClientMetricsManager does. */

import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import {
  type GetTelemetrySubscriptionsRequest,
  type GetTelemetrySubscriptionsResponse,
  getTelemetrySubscriptionsApi,
  makeGetTelemetrySubscriptionsResponse,
} from '../../wire/generated/get-telemetry-subscriptions.ts'
import {
  makePushTelemetryResponse,
  type PushTelemetryRequest,
  pushTelemetryApi,
} from '../../wire/generated/push-telemetry.ts'
import type { ConfigMap } from '../configs/effective.ts'
import type { RequestContext } from '../ports.ts'
import { type ClientInstance, ClientInstances, mayGet, mayPush } from './instances.ts'
import type { ReceivedMetrics } from './received.ts'
import { type ClientTraits, subscriptionsOf, wishFor } from './subscriptions.ts'

/** zstd, lz4, gzip, snappy: what clients may compress with, the best first. */
const acceptedCompressionTypes = [4, 3, 1, 2]
const compressionTypeMax = 4
/** Ids that stand for no client. */
const reservedIds: ReadonlySet<string> = new Set(['0'.repeat(32), `${'0'.repeat(31)}1`])

/** Errors after which a client may ask again at once. */
const askAgainErrors: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_SUBSCRIPTION_ID,
  ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
])

export type TelemetryCoordinatorOptions = {
  readonly clock: Clock
  readonly random: Random
  /** The subscriptions as they are now: another object after each change. */
  readonly subscriptions: () => ReadonlyMap<string, ConfigMap>
  /** Bytes of one push (`telemetry.max.bytes`). */
  readonly pushBytesMax: number
  readonly received: ReceivedMetrics
}

/** Answers GetTelemetrySubscriptions and PushTelemetry. */
export class TelemetryCoordinator {
  readonly apiKeys: readonly number[] = [getTelemetrySubscriptionsApi.key, pushTelemetryApi.key]
  readonly #options: TelemetryCoordinatorOptions
  readonly #instances = new ClientInstances()
  #configs: ReadonlyMap<string, ConfigMap> = new Map()
  #subscriptions: ReturnType<typeof subscriptionsOf> = []

  constructor(options: TelemetryCoordinatorOptions) {
    this.#options = options
  }

  /** Answers one request; here what the registry decoded gets its type back. */
  handle(context: RequestContext, request: unknown, reply: (response: unknown) => void): void {
    if (context.apiKey === pushTelemetryApi.key) {
      reply(makePushTelemetryResponse({ errorCode: this.#push(request as PushTelemetryRequest, context) }))
    } else {
      reply(this.#get(request as GetTelemetrySubscriptionsRequest, context))
    }
  }

  connectionClosed(connectionId: string): void {
    this.#instances.connectionClosed(connectionId)
  }

  #get(request: GetTelemetrySubscriptionsRequest, context: RequestContext): GetTelemetrySubscriptionsResponse {
    const { clock, random, pushBytesMax } = this.#options
    const isNew = request.clientInstanceId.every((byte) => byte === 0)
    const id = isNew ? random.uuid() : Buffer.from(request.clientInstanceId)
    const instance = this.#instanceOf(id, context)
    if (!mayGet(instance, clock.nowMs()) && !askAgainErrors.has(instance.lastError)) {
      return makeGetTelemetrySubscriptionsResponse({ errorCode: ErrorCode.THROTTLING_QUOTA_EXCEEDED })
    }
    instance.lastError = ErrorCode.NONE
    const { subscriptionId, metrics, pushIntervalMs } = instance.wish
    return makeGetTelemetrySubscriptionsResponse({
      clientInstanceId: id,
      subscriptionId,
      acceptedCompressionTypes,
      pushIntervalMs,
      telemetryMaxBytes: pushBytesMax,
      deltaTemporality: true,
      requestedMetrics: [...metrics],
    })
  }

  #push(request: PushTelemetryRequest, context: RequestContext): number {
    const { clock, received } = this.#options
    const clientInstanceId = request.clientInstanceId.toString('hex')
    if (reservedIds.has(clientInstanceId)) return ErrorCode.INVALID_REQUEST
    const instance = this.#instanceOf(request.clientInstanceId, context)
    const errorCode = this.#pushError(request, instance)
    instance.isTerminating = request.terminating
    instance.lastError = errorCode
    if (errorCode !== ErrorCode.NONE || request.metrics.length === 0) return errorCode
    received.take({
      clientInstanceId,
      clientId: context.clientId ?? '',
      softwareName: context.softwareName ?? '',
      softwareVersion: context.softwareVersion ?? '',
      clientHost: context.clientHost,
      receivedMs: clock.nowMs(),
      isTerminating: request.terminating,
      compressionType: request.compressionType,
      // The request's bytes are those of a queue.
      metrics: Buffer.from(request.metrics),
    })
    return ErrorCode.NONE
  }

  #pushError(request: PushTelemetryRequest, instance: ClientInstance): number {
    if (instance.isTerminating) return ErrorCode.INVALID_REQUEST
    if (!mayPush(instance, this.#options.clock.nowMs()) && !request.terminating) {
      return ErrorCode.THROTTLING_QUOTA_EXCEEDED
    }
    if (request.subscriptionId !== instance.wish.subscriptionId) return ErrorCode.UNKNOWN_SUBSCRIPTION_ID
    const { compressionType, metrics } = request
    if (compressionType < 0 || compressionType > compressionTypeMax) return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    return metrics.length > this.#options.pushBytesMax ? ErrorCode.TELEMETRY_TOO_LARGE : ErrorCode.NONE
  }

  #instanceOf(id: Buffer, context: RequestContext): ClientInstance {
    const configs = this.#options.subscriptions()
    if (configs !== this.#configs) {
      this.#configs = configs
      this.#subscriptions = subscriptionsOf(configs)
    }
    const from = { connectionId: context.connectionId, version: configs, nowMs: this.#options.clock.nowMs() }
    const wish = () => wishFor(this.#subscriptions, traitsOf(id, context), id)
    return this.#instances.heardOf(id.toString('hex'), from, wish)
  }
}

function traitsOf(id: Buffer, context: RequestContext): ClientTraits {
  return {
    client_instance_id: id.toString('base64url'),
    client_id: context.clientId,
    client_software_name: context.softwareName,
    client_software_version: context.softwareVersion,
    client_source_address: context.clientHost.replace(/^\//, ''),
    client_source_port: String(context.clientPort),
  }
}
