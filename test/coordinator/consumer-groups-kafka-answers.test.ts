/** Apache Kafka 4.3.1 was sent the script's requests, one after the other; the coordinator must answer alike. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { topicIdHex } from '../../src/base/ids.ts'
import recorded from './consumer-groups-kafka-answers.json' with { type: 'json' }
import { steps } from './consumer-groups-kafka-script.ts'
import { comparable, type Naming, topics } from './consumer-groups-requests.ts'
import { GroupFixture } from './group-fixture.ts'

test('requests about consumer groups are answered as Kafka answers them', () => {
  const fixture = new GroupFixture()
  fixture.groupConfigs.values.set('consumer.assignment.interval.ms', 0)
  const ids = new Map([
    [topics.six, '5'.repeat(32)],
    [topics.three, '3'.repeat(32)],
  ])
  fixture.topics.topics.clear()
  fixture.topics.topics.set(topics.six, { id: '5'.repeat(32), partitions: 6 })
  fixture.topics.topics.set(topics.three, { id: '3'.repeat(32), partitions: 3 })
  const members = new Map<string, string>()
  const names = new Map<string, string>()
  const naming: Naming = {
    prefix: 'run-',
    nameOf: (memberId) => names.get(memberId),
    topicNameOf: (topicId) => fixture.topics.nameOf(topicIdHex(topicId)),
  }
  const differences: string[] = []
  for (const [index, step] of steps.entries()) {
    const request = step.request({
      prefix: 'run-',
      topicId: (topic) => Buffer.from(ids.get(topics[topic]) ?? '', 'hex'),
      member: (label) => members.get(label) ?? `missing ${label}`,
    })
    const { response } = fixture.send<{ memberId?: string }>(step.api, request, { version: step.version })
    if (step.resolves === true) fixture.advance(0)
    const memberId = response?.memberId
    if (typeof memberId === 'string') {
      members.set(step.label, memberId)
      if (memberId.length >= 20 && !names.has(memberId)) names.set(memberId, `member of ${step.label}`)
    }
    const got = JSON.stringify(comparable(response, naming), null, 1)
    const expected = JSON.stringify(recorded[index]?.answer, null, 1)
    if (got !== expected) differences.push(`${step.label}:\n${got}\nKafka:\n${expected}`)
  }
  assert.is(differences.join('\n\n'), '')
  assert.is(recorded.length, steps.length)
})

test.run()
