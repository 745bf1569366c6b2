/** Sends a family's requests to a broker, whichever it is, and gathers the answers. */

import { connect, type Socket } from 'node:net'
import { offeredApis } from '../../../src/api/index.ts'
import { ErrorCode } from '../../../src/wire/generated/errors.ts'
import { messageCodec } from '../../../src/wire/generated/registry.ts'
import { Reader } from '../../../src/wire/reader.ts'
import { decodeResponseHeader, encodeRequestHeader } from '../../../src/wire/request-header.ts'
import { Writer } from '../../../src/wire/writer.ts'
import type { Answer, Family, Recorded, Step } from './family.ts'
import { wholeRequest } from './whole-request.ts'

/** What is said of a request after which the broker hung up. */
export const hungUp = 'the connection was closed'

const busy = ErrorCode.CONCURRENT_TRANSACTIONS
const attemptsMax = 200

const ownTopics = ['__consumer_offsets', '__transaction_state']

/** Sends every step in its versions. `pause` is awaited after each answer: Kafka's threads learn of changes one after the other. */
export async function askAll(
  family: Family,
  address: { readonly host: string; readonly port: number },
  pause: () => Promise<void> = async () => undefined,
): Promise<Recorded[]> {
  const asker = new Asker(address)
  const recorded: Recorded[] = []
  for (const step of family.steps) {
    for (const version of versionsOf(step)) {
      const answer = await untilSettled(() => asker.ask(step, version))
      const without = [...(family.without ?? []), ...(step.without ?? [])]
      recorded.push({ label: step.label, version, answer: comparable(answer, asker.topicIds, { ...family, without }) })
      await pause()
    }
  }
  asker.close()
  return recorded
}

/** Asks again, as clients do, while the broker still ends the producer's last transaction. */
async function untilSettled(ask: () => Promise<Answer>): Promise<Answer> {
  for (let attempts = 1; ; attempts++) {
    const answer = await ask()
    const isBusy = typeof answer === 'object' && answer !== null && 'errorCode' in answer && answer.errorCode === busy
    if (!isBusy || attempts === attemptsMax) return answer
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The versions that a step is asked in. */
export function versionsOf({ api, versions }: Step): readonly number[] {
  if (versions !== undefined) return versions
  const offered = offeredApis.find(({ key }) => key === api)
  if (offered === undefined) throw new Error(`API ${api} is not offered`)
  const { versionMin, versionMax } = offered
  return versionMin === versionMax ? [versionMax] : [versionMin, versionMax]
}

class Asker {
  /** Topics' names by id, as answers told them. */
  readonly topicIds = new Map<string, string>()
  readonly #address: { readonly host: string; readonly port: number }
  /** The last answer to each step. */
  readonly #answers = new Map<string, unknown>()
  #socket: Socket | undefined

  constructor(address: { readonly host: string; readonly port: number }) {
    this.#address = address
  }

  async ask({ label, api, request = {} }: Step, version: number): Promise<Answer> {
    const codec = messageCodec(api)
    if (codec === undefined) throw new Error(`there is no API ${api}`)
    const writer = new Writer()
    encodeRequestHeader(writer, { apiKey: api, apiVersion: version, correlationId: 1, clientId: 'asker' })
    codec.encodeRequest(
      writer,
      wholeRequest(api, request, (text) => this.#textOf(text, version)),
      version,
    )
    const frame = await this.#exchange(writer.finishJoined())
    if (frame === undefined) return hungUp
    const reader = new Reader(frame)
    decodeResponseHeader(reader, api, version)
    const answer = codec.decodeResponse(reader, version)
    this.#learnIds(answer)
    this.#answers.set(label, answer)
    return answer
  }

  close(): void {
    this.#socket?.destroy()
  }

  #textOf(text: string, version: number): string {
    const [, label, field] = /^\$of:(.*):(.*)$/.exec(text) ?? []
    if (label !== undefined) return this.#fieldOf(label, field ?? '')
    const [, name] = /^\$id:(.*)$/.exec(text) ?? []
    if (name === undefined) return text.replaceAll('$v', String(version))
    for (const [id, known] of this.topicIds) if (known === name.replaceAll('$v', String(version))) return id
    throw new Error(`no answer has told the id of ${name}`)
  }

  #fieldOf(label: string, field: string): string {
    const answer = this.#answers.get(label)
    const fields = new Map(Object.entries(typeof answer === 'object' && answer !== null ? answer : {}))
    if (!fields.has(field)) throw new Error(`the answer to '${label}' has no field ${field}`)
    return String(fields.get(field))
  }

  /** The whole answer's bytes behind its length, or undefined where the broker hung up. */
  async #exchange(body: Buffer): Promise<Buffer | undefined> {
    const socket = this.#socket ?? (await this.#dial())
    const size = Buffer.alloc(4)
    size.writeInt32BE(body.length)
    return new Promise((resolve) => {
      let received = Buffer.alloc(0)
      const settle = (frame: Buffer | undefined): void => {
        socket.removeAllListeners('data').removeAllListeners('close')
        if (frame === undefined) this.#socket = undefined
        resolve(frame)
      }
      socket.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk])
        const end = received.length < 4 ? Number.POSITIVE_INFINITY : 4 + received.readInt32BE(0)
        if (received.length >= end) settle(received.subarray(4, end))
      })
      socket.on('close', () => settle(undefined))
      socket.write(Buffer.concat([size, body]))
    })
  }

  #dial(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ ...this.#address, noDelay: true }, () => resolve(socket))
      socket.on('error', reject)
      this.#socket = socket
    })
  }

  #learnIds(answer: unknown): void {
    if (Array.isArray(answer)) {
      for (const element of answer) this.#learnIds(element)
    } else if (typeof answer === 'object' && answer !== null && !Buffer.isBuffer(answer)) {
      if ('topicId' in answer && 'name' in answer && Buffer.isBuffer(answer.topicId)) {
        const id = answer.topicId.toString('hex')
        // Answers by id have no name, or an empty one.
        if (Number(`0x${id}`) !== 0 && typeof answer.name === 'string' && answer.name !== '') {
          this.topicIds.set(id, answer.name)
        }
      }
      for (const value of Object.values(answer)) this.#learnIds(value)
    }
  }
}

/** The answer without what differs between clusters; ids of topics become their names. */
function comparable(answer: unknown, topicIds: ReadonlyMap<string, string>, family: Family): Answer {
  const left = new Set(['throttleTimeMs', ...(family.without ?? [])])
  const unordered = new Set(family.unordered ?? [])
  const unlike = new Set([...ownTopics, ...(family.unlike ?? [])])
  const plain = (value: unknown, name: string): unknown => {
    if (Buffer.isBuffer(value)) {
      const hex = value.toString('hex')
      const topic = topicIds.get(hex)
      return topic === undefined ? hex : `$id:${topic}`
    }
    if (Array.isArray(value)) {
      const elements = value.filter((element) => !isUnlike(element, unlike)).map((element) => plain(element, ''))
      return unordered.has(name) ? elements.sort(byText) : elements
    }
    if (typeof value !== 'object' || value === null) return value
    const fields = Object.entries(value).filter(([field]) => !left.has(field))
    return Object.fromEntries(fields.map(([field, inner]) => [field, plain(inner, field)]))
  }
  return plain(answer, '')
}

/** Safka's own configs, and its topics, which are there from the start. */
function isUnlike(element: unknown, unlike: ReadonlySet<string>): boolean {
  if (typeof element !== 'object' || element === null) return false
  const fields = new Map<string, unknown>(Object.entries(element))
  const names = ['name', 'resourceName', 'groupId', 'transactionalId'].map((field) => fields.get(field))
  const name = names.find((value) => value !== undefined)
  return typeof name === 'string' && (name.startsWith('safka.') || unlike.has(name))
}

function byText(left: unknown, right: unknown): number {
  return JSON.stringify(left) < JSON.stringify(right) ? -1 : 1
}
