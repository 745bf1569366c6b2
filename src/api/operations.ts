/** The operations that everybody may do while there is no authorizer, as the bit fields that describe answers carry. */

/** Said where the request did not ask. */
export const operationsUnasked = -2_147_483_648

/** READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS: bit n stands for operation n. */
export const topicOperations = bits(3, 4, 5, 6, 7, 8, 10, 11)

/** CREATE, ALTER, DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE. */
export const clusterOperations = bits(5, 7, 8, 9, 10, 11, 12)

function bits(...operations: number[]): number {
  return operations.reduce((field, operation) => field | (1 << operation), 0)
}
