/** Access control lists: kept over restarts, found by filters, bounded a request. How Kafka words its answers is in kafka-answers. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { aclsAtOnceMax } from '../../src/coordinator/acls/requests.ts'
import { decodeMetadataRecord } from '../../src/coordinator/topics/records.ts'
import { type CreateAclsResponse, createAclsApi } from '../../src/wire/generated/create-acls.ts'
import { type DeleteAclsResponse, deleteAclsApi } from '../../src/wire/generated/delete-acls.ts'
import { type DescribeAclsResponse, describeAclsApi } from '../../src/wire/generated/describe-acls.ts'
import { ErrorCode } from '../../src/wire/generated/errors.ts'
import { makeCoordinator } from './topics-fakes.ts'

const literal = 3
const entry = {
  resourceType: 2,
  resourceName: 'orders',
  resourcePatternType: literal,
  principal: 'User:alice',
  host: '*',
  operation: 3,
  permissionType: 3,
}
const everything = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}

test('lists outlive a restart, and so does their removal', async () => {
  const first = makeCoordinator()
  await first.ask(createAclsApi, { creations: [entry, { ...entry, host: '10.0.0.1' }] })
  const second = makeCoordinator({ records: first.journal.records })
  const before = await first.ask<DescribeAclsResponse>(describeAclsApi, everything)
  const after = await second.ask<DescribeAclsResponse>(describeAclsApi, everything)
  assert.equal(after, before)
  assert.is(after.resources[0]?.acls.length, 2)

  await second.ask(deleteAclsApi, { filters: [{ ...everything, hostFilter: '*' }] })
  const third = makeCoordinator({ records: second.journal.records })
  const left = await third.ask<DescribeAclsResponse>(describeAclsApi, everything)
  assert.equal(
    left.resources.flatMap(({ acls }) => acls.map(({ host }) => host)),
    ['10.0.0.1'],
  )
})

test('an entry is written once, however often it is asked for', async () => {
  const { ask, journal } = makeCoordinator()
  await ask(createAclsApi, { creations: [entry, entry] })
  await ask(createAclsApi, { creations: [entry] })
  assert.equal(
    journal.records.map((record) => decodeMetadataRecord(record)?.kind),
    ['acl'],
  )
})

test('an entry that two filters find is removed once, and both tell of it', async () => {
  const { ask, journal } = makeCoordinator()
  await ask(createAclsApi, { creations: [entry] })
  const removed = await ask<DeleteAclsResponse>(deleteAclsApi, { filters: [everything, everything] })
  assert.equal(
    removed.filterResults.map(({ matchingAcls }) => matchingAcls.length),
    [1, 1],
  )
  assert.equal(
    journal.records.map((record) => decodeMetadataRecord(record)?.kind),
    ['acl', 'remove-acl'],
  )
})

test('a request adds as many entries as Kafka takes at once, and not one more', async () => {
  const { ask } = makeCoordinator()
  const some = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ ...entry, principal: `User:${index}` }))
  const tooMany = await ask<CreateAclsResponse>(createAclsApi, { creations: some(aclsAtOnceMax + 1) })
  assert.is(tooMany.results[aclsAtOnceMax]?.errorCode, ErrorCode.POLICY_VIOLATION)
  assert.equal((await ask<DescribeAclsResponse>(describeAclsApi, everything)).resources, [])
  const most = await ask<CreateAclsResponse>(createAclsApi, { creations: some(aclsAtOnceMax) })
  assert.is(most.results[aclsAtOnceMax - 1]?.errorCode, ErrorCode.NONE)
  await ask(createAclsApi, { creations: [entry] })
  const removed = await ask<DeleteAclsResponse>(deleteAclsApi, { filters: [everything] })
  assert.is(removed.filterResults[0]?.errorCode, ErrorCode.UNKNOWN_SERVER_ERROR)
})

test.run()
