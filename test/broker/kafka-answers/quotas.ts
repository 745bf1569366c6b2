/** Requests that set and describe client quotas. */

import type { Family, Step } from './family.ts'

type Entity = Readonly<Record<string, string | null>>

function altering(
  label: string,
  entity: Entity,
  values: Readonly<Record<string, number | null>>,
  more: object = {},
): Step {
  const named = Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName }))
  const ops = Object.entries(values).map(([key, value]) => ({ key, value: value ?? 0, remove: value === null }))
  return { label, api: 49, request: { entries: [{ entity: named, ops }], ...more } }
}

function describing(
  label: string,
  components: readonly (readonly [string, number, string | null])[],
  strict = false,
): Step {
  const filters = components.map(([entityType, matchType, match]) => ({ entityType, matchType, match }))
  return { label, api: 48, request: { components: filters, strict } }
}

export const quotas: Family = {
  name: 'quotas',
  unordered: ['entries', 'values', 'entity'],
  steps: [
    altering('user', { user: 'alice' }, { producer_byte_rate: 1_000, request_percentage: 12.5 }),
    altering('user and client', { user: 'alice', 'client-id': 'app' }, { consumer_byte_rate: 2_000 }),
    altering('default client', { 'client-id': null }, { controller_mutation_rate: 3 }),
    altering('address', { ip: '127.0.0.1' }, { connection_creation_rate: 9 }),
    altering('a fraction of a byte', { user: 'alice' }, { producer_byte_rate: 0.5 }),
    altering('nothing a second', { user: 'alice' }, { producer_byte_rate: 0 }),
    altering('an unknown key', { user: 'alice' }, { colour: 1 }),
    altering('an unknown kind', { colour: 'red' }, { producer_byte_rate: 1 }),
    altering('nobody', {}, { producer_byte_rate: 1 }),
    altering('an address and a user', { ip: '127.0.0.1', user: 'alice' }, { producer_byte_rate: 1 }),
    altering('only validate', { user: 'bob' }, { producer_byte_rate: 1 }, { validateOnly: true }),
    describing('all', []),
    describing('of a user', [['user', 0, 'alice']]),
    describing('of a user strictly', [['user', 0, 'alice']], true),
    describing('of any user', [['user', 2, null]]),
    describing('of the default client', [['client-id', 1, null]]),
    describing('of an unknown kind', [['colour', 0, 'red']]),
    describing('of an unknown match', [['user', 9, 'alice']]),
    altering('remove', { user: 'alice' }, { producer_byte_rate: null, request_percentage: null }),
    describing('all that is left', []),
  ],
}
