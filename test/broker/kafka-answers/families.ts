/** All scripts of requests that Apache Kafka and Safka must answer alike. */

import { acls, aclsWithoutAuthorizer } from './acls.ts'
import type { Family } from './family.ts'

export const families: readonly Family[] = [acls, aclsWithoutAuthorizer]
