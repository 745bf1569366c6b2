/** What comes out of deciding a request about one group: records for the journal and answers that wait for them. */

import type { Random } from '../../base/random.ts'
import type { GroupConfigs } from '../group-configs.ts'
import type { RequestContext } from '../ports.ts'
import type { TopicView } from '../topic-view.ts'
import type { Waiter } from '../waiter.ts'
import type { Group } from './group.ts'
import type { CoordinatorRecord } from './records.ts'
import type { GroupSettings } from './settings.ts'

/** What decisions may look at beside the group: all of it comes in from outside, so that a decision can be replayed. */
export type DecisionPorts = {
  readonly settings: GroupSettings
  readonly topics: TopicView
  readonly random: Random
  readonly groupConfigs: GroupConfigs
}

/** Where a request came from, as far as groups care. */
export type Requester = {
  readonly apiVersion: number
  readonly clientId: string
  readonly clientHost: string
  readonly connectionId: string
}

/** The context in the words of decisions; a client without an id has the empty one, as in Kafka. */
export function requesterOf(context: RequestContext): Requester {
  const { apiVersion, clientId, clientHost, connectionId } = context
  return { apiVersion, clientId: clientId ?? '', clientHost, connectionId }
}

type Answer = { deliver(deliverAfter: DeliverAfter): void }
type DeliverAfter = <Response>(waiter: Waiter<Response>, response: Response) => void

/** One decision in the making. Every record is replayed at once, so that what follows is decided on the new state. */
export class Decision {
  /** Wall time, for what is recorded. */
  readonly nowMs: number
  /** For sessions and other deadlines. */
  readonly monotonicMs: number
  readonly ports: DecisionPorts
  readonly records: CoordinatorRecord[] = []
  readonly #answers: Answer[] = []
  readonly #replay: (record: CoordinatorRecord) => void
  readonly #current: () => Group | undefined

  constructor(options: {
    readonly nowMs: number
    readonly monotonicMs: number
    readonly ports: DecisionPorts
    readonly replay: (record: CoordinatorRecord) => void
    readonly current: () => Group | undefined
  }) {
    this.nowMs = options.nowMs
    this.monotonicMs = options.monotonicMs
    this.ports = options.ports
    this.#replay = options.replay
    this.#current = options.current
  }

  /** The group as it is after all that was written so far: it may have come, gone, or changed its kind. */
  current(): Group | undefined {
    return this.#current()
  }

  /** Decides a hard change: it is in force from here on, and journaled with the decision. */
  write(record: CoordinatorRecord): void {
    this.#replay(record)
    this.records.push(record)
  }

  /** Answers once this decision, and all earlier ones about the group, are in the journal. */
  answer<Response>(waiter: Waiter<Response>, response: Response): void {
    this.#answers.push({ deliver: (deliverAfter) => deliverAfter(waiter, response) })
  }

  /** Hands each answer, in the order decided, to the one who knows what it has to wait for. */
  deliver(deliverAfter: DeliverAfter): void {
    for (const answer of this.#answers) answer.deliver(deliverAfter)
  }
}
