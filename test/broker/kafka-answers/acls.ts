/** Requests about access control lists, to a broker whose authorizer lets everyone do everything. */

import type { Family, Step } from './family.ts'

const describe = 29
const create = 30
const remove = 31

const resource = { any: 1, topic: 2, group: 3, cluster: 4, transactionalId: 5, delegationToken: 6, user: 7 }
const pattern = { any: 1, match: 2, literal: 3, prefixed: 4 }
const operation = { any: 1, all: 2, read: 3, write: 4, describe: 8 }
const permission = { any: 1, deny: 2, allow: 3 }

const readFoo = {
  resourceType: resource.topic,
  resourceName: 'foo',
  resourcePatternType: pattern.literal,
  principal: 'User:alice',
  host: '*',
  operation: operation.read,
  permissionType: permission.allow,
}

const everything = {
  resourceTypeFilter: resource.any,
  resourceNameFilter: null,
  patternTypeFilter: pattern.any,
  principalFilter: null,
  hostFilter: null,
  operation: operation.any,
  permissionType: permission.any,
}

function creating(label: string, ...creations: object[]): Step {
  return { label, api: create, request: { creations: creations.map((creation) => ({ ...readFoo, ...creation })) } }
}

function describing(label: string, filter: object): Step {
  return { label, api: describe, request: { ...everything, ...filter } }
}

function removing(label: string, ...filters: object[]): Step {
  return { label, api: remove, request: { filters: filters.map((filter) => ({ ...everything, ...filter })) } }
}

export const acls: Family = {
  name: 'acls',
  configs: {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': 'true',
    'super.users': 'User:ANONYMOUS',
  },
  unordered: ['resources', 'acls', 'matchingAcls'],
  steps: [
    describing('nothing yet', {}),
    creating('nothing'),
    removing('by no filter'),
    creating(
      'several',
      {},
      { operation: operation.write },
      { resourceName: '*' },
      { resourceName: 'fo', resourcePatternType: pattern.prefixed, principal: 'User:bob' },
      { resourceName: 'f', resourcePatternType: pattern.prefixed, permissionType: permission.deny, host: '10.0.0.1' },
      { resourceName: 'foobar', principal: 'User:*' },
      { resourceType: resource.group, resourceName: 'foo' },
      { resourceType: resource.cluster, resourceName: 'kafka-cluster', operation: operation.all },
      { resourceType: resource.transactionalId, resourceName: 'tx', operation: operation.describe },
      { resourceType: resource.delegationToken, resourceName: 'token', operation: operation.describe },
      { resourceType: resource.user, resourceName: 'User:carol', operation: 13 },
    ),
    creating('one that is there, and one twice', {}, { host: 'h$v' }, { host: 'h$v' }),
    describing('all', {}),
    describing('by type', { resourceTypeFilter: resource.group }),
    describing('by type and name', { resourceTypeFilter: resource.topic, resourceNameFilter: 'foo' }),
    describing('literal ones', { resourceNameFilter: 'foo', patternTypeFilter: pattern.literal }),
    describing('literal ones of any name', { patternTypeFilter: pattern.literal }),
    describing('the wildcard by name', { resourceNameFilter: '*', patternTypeFilter: pattern.literal }),
    describing('prefixed ones', { resourceNameFilter: 'fo', patternTypeFilter: pattern.prefixed }),
    describing('prefixed ones by a longer name', { resourceNameFilter: 'foo', patternTypeFilter: pattern.prefixed }),
    describing('what matches', { resourceTypeFilter: resource.topic, resourceNameFilter: 'foo', patternTypeFilter: 2 }),
    describing('what matches a longer name', { resourceNameFilter: 'foobar', patternTypeFilter: pattern.match }),
    describing('what matches any name', { patternTypeFilter: pattern.match }),
    describing('what matches the wildcard', { resourceNameFilter: '*', patternTypeFilter: pattern.match }),
    describing('any pattern of a name', { resourceNameFilter: 'fo' }),
    describing('the empty name', { resourceNameFilter: '' }),
    describing('by principal', { principalFilter: 'User:bob' }),
    describing('by the principal of all', { principalFilter: 'User:*' }),
    describing('by host', { hostFilter: '10.0.0.1' }),
    describing('by the host of all', { hostFilter: '*' }),
    describing('by operation', { operation: operation.write }),
    describing('by the operation of all', { operation: operation.all }),
    describing('by permission', { permissionType: permission.deny }),
    describing('by what is nowhere', { resourceTypeFilter: resource.topic, resourceNameFilter: 'nowhere' }),
    describing('type zero', { resourceTypeFilter: 0 }),
    describing('type beyond', { resourceTypeFilter: 99 }),
    describing('pattern zero', { patternTypeFilter: 0 }),
    describing('pattern beyond', { patternTypeFilter: 99 }),
    describing('operation zero', { operation: 0 }),
    describing('operation beyond', { operation: 99 }),
    describing('permission zero', { permissionType: 0 }),
    describing('permission beyond', { permissionType: 99 }),
    creating('type any', { resourceType: resource.any }),
    creating('type zero', { resourceType: 0 }),
    creating('type beyond', { resourceType: 99 }),
    creating('pattern any', { resourcePatternType: pattern.any }),
    creating('pattern match', { resourcePatternType: pattern.match }),
    creating('pattern zero', { resourcePatternType: 0 }),
    creating('pattern beyond', { resourcePatternType: 99 }),
    creating('operation any', { operation: operation.any }),
    creating('operation zero', { operation: 0 }),
    creating('operation beyond', { operation: 99 }),
    creating('permission any', { permissionType: permission.any }),
    creating('permission zero', { permissionType: 0 }),
    creating('permission beyond', { permissionType: 99 }),
    creating('no name', { resourceName: '' }),
    creating('no principal', { principal: '' }),
    creating('a principal without a type', { principal: 'alice' }),
    creating('no host', { host: '' }),
    creating('another cluster', { resourceType: resource.cluster, resourceName: 'other' }),
    creating('a cluster without a name', { resourceType: resource.cluster, resourceName: '' }),
    creating('good and bad', { resourceName: 'good-$v' }, { resourceName: '' }, { operation: 99 }, { host: 'g$v' }),
    creating('several faults at once', { resourceType: resource.any, operation: operation.any, resourceName: '' }),
    describing('all after the bad ones', {}),
    removing('type zero', { resourceTypeFilter: 0 }),
    removing('type beyond', { resourceTypeFilter: 99 }),
    removing('pattern beyond', { patternTypeFilter: 99 }),
    removing('operation beyond', { operation: 99 }),
    removing('permission beyond', { permissionType: 99 }),
    removing('good and bad', { resourceNameFilter: 'good-1' }, { operation: 99 }),
    removing('what is nowhere', { resourceNameFilter: 'nowhere' }),
    removing('one by two filters', { resourceNameFilter: 'tx' }, { resourceTypeFilter: resource.transactionalId }),
    removing('what matches', { resourceTypeFilter: resource.topic, resourceNameFilter: 'foo', patternTypeFilter: 2 }),
    describing('all that is left', {}),
    removing('all', {}),
    describing('nothing any more', {}),
  ],
}

export const aclsWithoutAuthorizer: Family = {
  name: 'acls-without-authorizer',
  steps: [
    describing('all', {}),
    describing('operation zero', { operation: 0 }),
    creating('nothing'),
    creating('two', {}, { resourceName: '' }),
    removing('two', {}, { operation: 99 }),
    removing('by no filter'),
  ],
}
