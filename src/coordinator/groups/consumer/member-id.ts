/** Ids of members that do not choose their own. */

import type { Random } from '../../../base/random.ts'

/** A random one as Kafka prints its ids: base64url, 22 characters. */
export function memberIdText(random: Random): string {
  return random.uuid().toString('base64url')
}
