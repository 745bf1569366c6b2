/** Committed offsets of groups: what was acknowledged stays, nothing comes from nowhere, and nothing goes back. */

import type { Findings } from './anomalies.ts'
import type { Facts } from './facts.ts'
import { type Commit, type Committed, type History, noOffset, noTransaction } from './history.ts'

/** An offset that is a commit's from that place in the history on. */
type Acknowledged = { readonly at: number; readonly offset: number }

/** One group's offset of one partition. */
type Register = {
  readonly group: number
  readonly partition: number
  /** Ascending in both; each is the highest offset acknowledged by then. */
  readonly acknowledged: Acknowledged[]
  /** What may be there, and since when. */
  readonly possible: Map<number, number>
  readonly reads: { readonly read: Committed; readonly at: number }[]
}

export function checkCommits(history: History, facts: Facts, findings: Findings): void {
  const registers = new Map<number, Map<number, Register>>()
  const registerOf = ({ group, partition }: Commit | Committed): Register => {
    const partitions = registers.get(group) ?? new Map<number, Register>()
    registers.set(group, partitions)
    const fresh: Register = { group, partition, acknowledged: [], possible: new Map(), reads: [] }
    const register = partitions.get(partition) ?? fresh
    partitions.set(partition, register)
    return register
  }
  const commits: { readonly commit: Commit; readonly at: number }[] = []
  const losses: number[] = []
  history.operations.forEach((operation, at) => {
    if (operation.kind === 'committed') registerOf(operation).reads.push({ read: operation, at })
    else if (operation.kind === 'cut' && !operation.areCommitsKept) losses.push(at)
    else if (operation.kind === 'commit') {
      const effect = effectOf(operation, at, facts)
      const { possible } = registerOf(operation)
      if (effect === undefined) return
      possible.set(operation.offset, Math.min(possible.get(operation.offset) ?? at, operation.startedAt))
      if (Number.isFinite(effect)) commits.push({ commit: operation, at: effect })
    }
  })
  commits.sort((one, other) => one.at - other.at)
  for (const { commit, at } of commits) acknowledge(registerOf(commit), { commit, at, losses, findings })
  for (const partitions of registers.values()) {
    for (const register of partitions.values()) checkReads(register, losses, findings)
  }
}

/** When a commit is known to count, as a place in the history; infinite: perhaps never. undefined: certainly never. */
function effectOf(commit: Commit, at: number, facts: Facts): number | undefined {
  if (commit.outcome === 'failed') return undefined
  if (commit.transaction === noTransaction) return commit.outcome === 'ok' ? at : Number.POSITIVE_INFINITY
  const transaction = facts.transactions.get(commit.transaction)
  if (transaction === undefined || transaction.fate === 'aborted') return undefined
  const isSure = transaction.fate === 'committed' && commit.outcome === 'ok'
  return isSure ? transaction.endedAt : Number.POSITIVE_INFINITY
}

type Acknowledgement = {
  readonly commit: Commit
  readonly at: number
  readonly losses: readonly number[]
  readonly findings: Findings
}

function acknowledge(register: Register, { commit, at, losses, findings }: Acknowledgement): void {
  const { group, partition, offset } = commit
  const earlier = lowerBound(register, { begun: commit.startedAt, ended: at, losses })
  if (offset < earlier) {
    findings.add(
      'nonmonotonic-commit',
      () => `group ${group}, partition ${partition}: offset ${offset} after ${earlier} was acknowledged`,
    )
  }
  const last = register.acknowledged.at(-1)
  const isFresh = last === undefined || offset > last.offset || losses.some((loss) => loss > last.at && loss < at)
  if (isFresh) register.acknowledged.push({ at, offset })
}

function checkReads(register: Register, losses: readonly number[], findings: Findings): void {
  for (const { read, at } of register.reads) {
    const where = `group ${read.group}, partition ${read.partition}`
    const bound = lowerBound(register, { begun: read.startedAt, ended: at, losses })
    if (read.offset < bound) {
      findings.add('lost-commit', () => `${where}: offset ${read.offset} where ${bound} was acknowledged`)
    }
    const since = register.possible.get(read.offset)
    if (read.offset !== noOffset && (since === undefined || since > at)) {
      findings.add('phantom-commit', () => `${where}: offset ${read.offset}`)
    }
  }
}

/** The highest offset acknowledged before something began, and not given up to a power cut before that ended. */
function lowerBound(
  { acknowledged }: Register,
  { begun, ended, losses }: { readonly begun: number; readonly ended: number; readonly losses: readonly number[] },
): number {
  let [low, high] = [0, acknowledged.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((acknowledged[middle]?.at ?? 0) < begun) low = middle + 1
    else high = middle
  }
  const found = acknowledged[low - 1]
  if (found === undefined || losses.some((loss) => loss > found.at && loss < ended)) return noOffset
  return found.offset
}
