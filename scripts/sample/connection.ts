/** A connection for the sample's scripts: requests in fixed versions, tried again while a broker gets ready. */

import { systemClock } from '../../src/base/clock.ts'
import type { Call } from '../../src/client/calls.ts'
import { parseAddress } from '../../src/client/client.ts'
import { BrokerConnection } from '../../src/client/connection.ts'
import { ErrorCode, errorName } from '../../src/wire/generated/errors.ts'

/** Errors after which the same request may do later. */
const passing: ReadonlySet<number> = new Set([
  ErrorCode.CONCURRENT_TRANSACTIONS,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.MEMBER_ID_REQUIRED,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNSTABLE_OFFSET_COMMIT,
])
const attemptsMax = 300
const retryMs = 100

/** Opens a connection that waits long enough for a slow broker. */
export function openSampleConnection(address: string): Promise<BrokerConnection> {
  return BrokerConnection.open({
    ...parseAddress(address),
    clientId: 'sample',
    clock: systemClock,
    connectTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
  })
}

/** Sends until the answer's error code, as `codeOf` finds it, is NONE. Throws another error code by its name. */
export async function ask<Request, Response>(
  connection: BrokerConnection,
  call: Call<Request, Response>,
  request: Request,
  codeOf: (response: Response) => number | undefined,
  version = call.versionMax,
): Promise<Response> {
  let code = -1
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const response = await connection.send(call, request, { version })
    code = codeOf(response) ?? -1
    if (code === ErrorCode.NONE) return response
    if (!passing.has(code)) break
    await new Promise((resolve) => setTimeout(resolve, retryMs))
  }
  throw new Error(`${call.name} says ${errorName(code)}`)
}
