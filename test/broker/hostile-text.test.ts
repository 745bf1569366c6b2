/** Names that fit into a request but not into its answer: the client loses its connection, the broker lives on. */

import { once } from 'node:events'
import { suite } from 'uvu'
import { dial } from './raw-requests.ts'
import { withClient } from './records.ts'
import { shapes, startTestBroker } from './test-broker.ts'

const keys = { metadata: 3, describeGroups: 15, createTopics: 19 } as const
const one = Buffer.from([0, 0, 0, 1])

function frame(apiKey: number, version: number, ...body: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(14)
  head.writeInt16BE(apiKey, 4)
  head.writeInt16BE(version, 6)
  head.writeInt32BE(1, 8)
  head.writeInt16BE(-1, 12)
  const whole = Buffer.concat([head, ...body])
  whole.writeInt32BE(whole.length - 4, 0)
  return whole
}

function text(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** A byte that is no UTF-8 reads as a character that takes three. */
const noText = text(Buffer.alloc(20_000, 0xff))
const longText = text(Buffer.alloc(32_767, 'a'))
const onePartition = Buffer.from([0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
const timeoutAndNoTrial = Buffer.from([0, 0, 39, 16, 0])

for (const { name, owners, fronts } of shapes) {
  const test = suite(`hostile text, ${name}`)

  test('a name that no answer can hold ends its connection, and nothing else', async () => {
    const broker = await startTestBroker({ owners, fronts })
    const frames = [
      frame(keys.describeGroups, 0, one, noText),
      frame(keys.metadata, 4, one, noText, Buffer.from([1])),
      frame(keys.createTopics, 4, one, longText, onePartition, timeoutAndNoTrial),
    ]
    for (const bytes of frames) {
      const socket = await dial(broker.address)
      socket.resume()
      socket.write(bytes)
      await once(socket, 'close')
    }
    await withClient(broker.address, async (client) => void (await client.metadata([])))
    await broker.close()
  })

  test.run()
}
