/** All scripts of requests that Apache Kafka and Safka must answer alike. */

import { acls, aclsWithoutAuthorizer } from './acls.ts'
import { brokerConfigs } from './broker-configs.ts'
import { cluster } from './cluster.ts'
import { configs } from './configs.ts'
import type { Family } from './family.ts'
import { groups } from './groups.ts'
import { quotas } from './quotas.ts'
import { records } from './records.ts'
import { telemetry } from './telemetry.ts'
import { topics } from './topics.ts'
import { transactions } from './transactions.ts'

export const families: readonly Family[] = [
  acls,
  aclsWithoutAuthorizer,
  topics,
  configs,
  brokerConfigs,
  records,
  groups,
  transactions,
  cluster,
  quotas,
  telemetry,
]
