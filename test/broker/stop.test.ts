/** Stops: a patient one waits for what clients still wait for, and an abrupt one cuts that short. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { joinGroupCall } from '../../src/client/calls.ts'
import {
  makeJoinGroupRequest,
  makeJoinGroupRequestJoinGroupRequestProtocol,
} from '../../src/wire/generated/join-group.ts'
import { openConnection } from './raw-requests.ts'
import { shapes, startTestBroker } from './test-broker.ts'

const request = makeJoinGroupRequest({
  groupId: 'g',
  sessionTimeoutMs: 30_000,
  rebalanceTimeoutMs: 30_000,
  protocolType: 'consumer',
  protocols: [makeJoinGroupRequestJoinGroupRequestProtocol({ name: 'range', metadata: Buffer.from('m') })],
})

for (const { name, owners, fronts } of shapes) {
  const test = suite(`stop, ${name}`)

  test('an abrupt stop ends a patient one that waits for a member of a group', async () => {
    const broker = await startTestBroker({ owners, fronts, storage: 'memory' })
    const [first, second] = [await openConnection(broker.address), await openConnection(broker.address)]
    await first.send(joinGroupCall, request, { version: 1 })
    const waiting = second.send(joinGroupCall, request, { version: 1 }).catch((thrown: unknown) => thrown)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const started = performance.now()
    const patient = broker.broker.stop()
    await broker.close()
    await patient
    assert.ok(performance.now() - started < 2_000)
    assert.instance(await waiting, Error)
    first.close()
  })

  test.run()
}
