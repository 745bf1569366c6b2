/** Apache Kafka 4.3.1 was sent the script's requests, each on a connection of its own; the coordinator must answer alike. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Call, GroupFixture } from './group-fixture.ts'
import recorded from './groups-kafka-answers.json' with { type: 'json' }
import { comparable, steps, topic } from './groups-kafka-script.ts'

type Answered = { memberId?: string }

test('requests about groups are answered as Kafka answers them, and when', () => {
  const fixture = new GroupFixture()
  fixture.topics.topics.set(topic, { id: 'ee'.repeat(16), partitions: 4 })
  const prefix = 'run-'
  const members = new Map<string, string>()
  const names = new Map<string, string>()
  const nameOf = (memberId: string) => names.get(memberId) ?? 'unnamed'
  let open: { label: string; call: Call<Answered> }[] = []
  const differences: string[] = []
  for (const [index, step] of steps.entries()) {
    const request = step.request({ prefix, member: (label) => members.get(label) ?? `missing ${label}` })
    open.push({ label: step.label, call: fixture.send<Answered>(step.api, request, { version: step.version }) })
    const answered = open.filter(({ call }) => call.response !== undefined)
    open = open.filter(({ call }) => call.response === undefined)
    // The step that was sent first shows a member id first.
    for (const { label, call } of answered) {
      const memberId = call.response?.memberId
      if (memberId === undefined) continue
      members.set(label, memberId)
      if (memberId !== '' && !names.has(memberId)) names.set(memberId, `member of ${label}`)
    }
    const answers = answered
      .sort((left, right) => (left.label < right.label ? -1 : 1))
      .map(({ label, call }) => ({ of: label, response: comparable(call.response, { prefix, nameOf }) }))
    const got = JSON.stringify(answers, null, 1)
    const expected = JSON.stringify(recorded[index]?.answers, null, 1)
    if (got !== expected) differences.push(`${step.label}:\n${got}\nKafka:\n${expected}`)
  }
  assert.is(differences.join('\n\n'), '')
  assert.is(recorded.length, steps.length)
})

test.run()
