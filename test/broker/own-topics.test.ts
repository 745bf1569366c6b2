/** The broker's own topics stay as they were made. */

import { rmSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SafkaError } from '../../src/base/errors.ts'
import { startTestBroker } from './test-broker.ts'

for (const name of ['offsets.topic.num.partitions', 'transaction.state.log.num.partitions']) {
  test(`a broker whose ${name} has changed says so, and does not start`, async () => {
    const first = await startTestBroker({ owners: 0, fronts: 1 })
    await first.broker.stop()
    const changes = { owners: 0, fronts: 1, kafka: new Map([[name, '10']]) }
    let reason: unknown
    try {
      const second = await startTestBroker(changes, { directory: first.directory })
      await second.broker.stop()
    } catch (thrown) {
      reason = thrown
    }
    rmSync(first.directory, { recursive: true, force: true })
    assert.ok(reason instanceof SafkaError, 'it started')
    assert.is(reason.code, 'SAFKA_START')
    assert.match(reason.message, `set ${name} to 50`)
  })
}

test.run()
