/** Requests and answers that are larger than the queues between a front and main. */

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { describeGroupsCall } from '../../src/client/calls.ts'
import { makeDescribeGroupsRequest } from '../../src/wire/generated/describe-groups.ts'
import { openConnection } from './raw-requests.ts'
import { shapes, startTestBroker } from './test-broker.ts'

for (const { name, owners, fronts } of shapes) {
  const test = suite(`large requests, ${name}`)

  test('a request and an answer of some megabytes pass, though nothing else happens meanwhile', async () => {
    const broker = await startTestBroker({ owners, fronts })
    const connection = await openConnection(broker.address)
    const groups = Array.from({ length: 3_000 }, (_, index) => `${'g'.repeat(1_000)}-${index}`)
    const started = performance.now()
    const request = makeDescribeGroupsRequest({ groups })
    const response = await connection.send(describeGroupsCall, request, { version: 5 })
    assert.is(response.groups.length, groups.length)
    assert.ok(performance.now() - started < 5_000)
    connection.close()
    await broker.close()
  })

  test.run()
}
