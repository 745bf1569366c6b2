/** A broker of a few lines: answers what a test tells it to, rightly or wrongly. */

import { createServer, type Server, type Socket } from 'node:net'
import { ApiKey } from '../../src/wire/generated/api-keys.ts'
import {
  encodeApiVersionsResponse,
  makeApiVersionsResponse,
  makeApiVersionsResponseApiVersion,
} from '../../src/wire/generated/api-versions.ts'
import { encodeMetadataResponse, makeMetadataResponse } from '../../src/wire/generated/metadata.ts'
import { Reader } from '../../src/wire/reader.ts'
import { decodeRequestHeader, encodeResponseHeader, type RequestHeader } from '../../src/wire/request-header.ts'
import { Writer } from '../../src/wire/writer.ts'

/** One received request. `answer` sends a body; `raw` sends bytes as they are. */
export type Received = {
  readonly header: RequestHeader
  readonly reader: Reader
  readonly socket: Socket
  answer(encode: (writer: Writer, version: number) => void): void
}

/** The versions that it says it speaks, by API key. */
export type Versions = ReadonlyMap<number, readonly [number, number]>

const defaultVersions: Versions = new Map([
  [ApiKey.ApiVersions, [0, 4]],
  [ApiKey.Metadata, [0, 12]],
  [ApiKey.Produce, [3, 12]],
])

/** Listens on a free port; hands each request to `respond`, but for ApiVersions, unless `isRaw`. */
export class FakeBroker {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly requests: RequestHeader[] = []
  versions = defaultVersions
  isRaw = false
  respond: (received: Received) => void = () => {}

  private constructor() {
    this.#server = createServer((socket) => this.#accept(socket))
  }

  static async start(): Promise<FakeBroker> {
    const broker = new FakeBroker()
    await new Promise<void>((resolve) => void broker.#server.listen(0, '127.0.0.1', resolve))
    return broker
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Answers Metadata with this broker and one topic of `partitions` partitions. */
  answerMetadata(received: Received, topic: string, partitions = 1): void {
    const response = makeMetadataResponse({
      brokers: [{ nodeId: 1, host: '127.0.0.1', port: this.port, rack: null }],
      controllerId: 1,
      topics: [
        {
          errorCode: 0,
          name: topic,
          topicId: Buffer.alloc(16, 7),
          isInternal: false,
          partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({
            errorCode: 0,
            partitionIndex,
            leaderId: 1,
            leaderEpoch: 0,
            replicaNodes: [1],
            isrNodes: [1],
            offlineReplicas: [],
          })),
          topicAuthorizedOperations: -2147483648,
        },
      ],
    })
    received.answer((writer, version) => encodeMetadataResponse(writer, response, version))
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()))
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    let received = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const frame = received.subarray(4, 4 + received.readInt32BE(0))
        received = received.subarray(4 + frame.length)
        this.#take(frame, socket)
      }
    })
  }

  #take(frame: Buffer, socket: Socket): void {
    const reader = new Reader(frame)
    const header = decodeRequestHeader(reader)
    this.requests.push(header)
    const answer: Received['answer'] = (encode) => socket.write(framed(header, encode))
    if (header.apiKey === ApiKey.ApiVersions && !this.isRaw) this.#answerVersions(header, answer)
    else this.respond({ header, reader, socket, answer })
  }

  #answerVersions(header: RequestHeader, answer: Received['answer']): void {
    const [, newest] = this.versions.get(ApiKey.ApiVersions) ?? [0, 0]
    const isKnown = header.apiVersion <= newest
    const apiKeys = [...this.versions].map(([apiKey, [minVersion, maxVersion]]) =>
      makeApiVersionsResponseApiVersion({ apiKey, minVersion, maxVersion }),
    )
    const response = makeApiVersionsResponse({ errorCode: isKnown ? 0 : 35, apiKeys })
    answer((writer, version) => encodeApiVersionsResponse(writer, response, isKnown ? version : 0))
  }
}

function framed(header: RequestHeader, encode: (writer: Writer, version: number) => void): Buffer {
  const writer = new Writer()
  encodeResponseHeader(writer, header.apiKey, header.apiVersion, header.correlationId)
  encode(writer, header.apiVersion)
  const body = writer.finishJoined()
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}
