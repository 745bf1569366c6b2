/** What a checker can find in a history, and a list of findings that stays short however much is wrong. */

/**
 * The names are those of Jepsen's Kafka tests, as far as it has them. What those allow is not looked for: gaps between the sends of
 * one transaction (int-send-skip) and orders of writes alone (G0). A circle of transactions that read one another (G1c) always
 * holds a precommitted read, which is looked for in real time.
 */
export const anomalyKinds = {
  'lost-write': 'acknowledged or seen, and not there although readers came past its offset',
  unseen: 'acknowledged or seen, and no reader ever came as far at the end',
  duplicate: 'one value at two offsets',
  'inconsistent-offsets': 'two values at one offset',
  phantom: 'a value that nobody sent to this partition',
  'aborted-read': 'a value was read whose send failed or whose transaction can only be aborted (G1a)',
  'precommitted-read': 'a value was read before its producer asked for the commit',
  'torn-transaction': 'a part of a transaction can be read, and another part can not',
  'poll-skip': 'a reader went on behind something that it was to read',
  'int-poll-skip': 'a reader got something of one fetch and not what lies between',
  'nonmonotonic-poll': 'a reader went back',
  'int-nonmonotonic-poll': 'a reader went back within one fetch',
  'nonmonotonic-send': 'a producer sent in one order and the log has another',
  'lost-commit': 'a group has a lower offset than was acknowledged',
  'phantom-commit': 'a group has an offset that nobody committed',
  'nonmonotonic-commit': 'a group committed a lower offset than before',
} as const

export type AnomalyKind = keyof typeof anomalyKinds

/** One finding, as a sentence. */
export type Anomaly = { readonly kind: AnomalyKind; readonly text: string }

/** Findings of one kind that are kept in full; the rest is counted. */
const examplesMax = 10

export class Findings {
  readonly counts = new Map<AnomalyKind, number>()
  readonly examples: Anomaly[] = []

  /** Takes a finding; `text` is only asked for where it is kept. */
  add(kind: AnomalyKind, text: () => string): void {
    const count = (this.counts.get(kind) ?? 0) + 1
    this.counts.set(kind, count)
    if (count <= examplesMax) this.examples.push({ kind, text: text() })
  }

  /** One line a kind and one an example; '' where nothing was found. */
  toString(): string {
    const lines = [...this.counts].map(([kind, count]) => `${count} × ${kind}: ${anomalyKinds[kind]}`)
    return [...lines, ...this.examples.map(({ kind, text }) => `  ${kind}: ${text}`)].join('\n')
  }
}
