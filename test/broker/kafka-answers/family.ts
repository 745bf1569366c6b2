/** What a script of requests is made of: the same one is sent to Apache Kafka, whose answers are kept, and to Safka. */

/** One request. */
export type Step = {
  /** What is asked, in words; no two steps of a family have the same. */
  readonly label: string
  readonly api: number
  /** The versions that it is asked in, one after the other; else the lowest and the highest that Safka offers. */
  readonly versions?: readonly number[]
  /**
   * The request's fields; those left out have the schema's default. In strings `$v` stands for the version; a topic id may be
   * written as `$id:NAME`, and a number as `$of:LABEL:FIELD`, a field of the answer to an earlier step.
   */
  readonly request?: object
  /** Fields of this answer that are left out, beside those of the family. */
  readonly without?: readonly string[]
}

/** Requests that belong together: they are sent in order, over one connection, to a broker that was started for them. */
export type Family = {
  readonly name: string
  /** Broker configs that both sides are started with. */
  readonly configs?: Readonly<Record<string, string>>
  /** Whether the broker takes the metrics that clients push. Kafka needs a plugin for that. */
  readonly takesTelemetry?: boolean
  readonly steps: readonly Step[]
  /** Fields that no two clusters have in common, or that are told apart on purpose, each for a reason that SKIPPED.md gives. */
  readonly without?: readonly string[]
  /** Elements of lists, by name, that one of both alone has, or has otherwise; SKIPPED.md tells why. */
  readonly unlike?: readonly string[]
  /** Lists of which the order is that of one of Kafka's hash maps. */
  readonly unordered?: readonly string[]
}

/** Configs of every broker that is asked: the coordinators' topics with as little as one broker can hold. */
export const commonConfigs: Readonly<Record<string, string>> = {
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '5',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '5',
  'group.initial.rebalance.delay.ms': '0',
}

/** An answer as it is kept: what the broker said, or that it hung up. */
export type Answer = unknown

/** One request with its answer, as Kafka gave it. */
export type Recorded = { readonly label: string; readonly version: number; readonly answer: Answer }
