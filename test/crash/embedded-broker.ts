/** A program with an embedded broker of one front and one owner: prints the reason of its end, and goes on living. */

import { startBroker } from '../../src/broker/broker.ts'
import { configWith } from '../../src/broker/config.ts'

const listeners = [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 0 }]
const broker = await startBroker(configWith({ listeners, storage: 'memory', owners: 1, fronts: 1 }))
console.log('it answers')
try {
  await broker.done
} catch (thrown) {
  console.log(`rejected: ${thrown instanceof Error ? thrown.message : thrown}`)
}
setTimeout(() => console.log('the program goes on'), 50)
