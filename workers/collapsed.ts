/** Collapsed mode: owners and fronts as agents of the caller's thread, over the same rings and bells. */

import { assertDefined } from '../src/base/assert.ts'
import { messageOf, SafkaError } from '../src/base/errors.ts'
import type { Agents, AgentsOptions } from '../src/broker/threads.ts'
import { FrontAgent } from '../src/front/front.ts'
import { OwnerAgent } from '../src/partition/owner.ts'
import { runAgent } from '../src/ring/agent-loop.ts'
import { Bell } from '../src/ring/bell.ts'

/** Composes the agents and starts their loops. */
export function createCollapsedAgents(options: AgentsOptions): Agents {
  const { topology, clock, random, logger, main, openDisk } = options
  const run = options.runAgent ?? runAgent
  const shared = { topology, clock, random, logger, ...(openDisk === undefined ? {} : { openDisk }) }
  const owners = topology.ownerBells.map((_, owner) => new OwnerAgent({ ...shared, owner }))
  const fronts = options.fronts.map((settings) => new FrontAgent({ ...shared, settings, main }))
  const die = (thrown: unknown): void =>
    options.onDeath(new SafkaError('SAFKA_THREAD_DIED', `an agent died: ${messageOf(thrown)}`, { cause: thrown }))
  const loops = [
    ...owners.map((agent, owner) => run(agent, bellOf(topology.ownerBells[owner]), die)),
    ...fronts.map((agent, front) => run(agent, bellOf(topology.writerBells[front + 1]), die)),
  ]
  return {
    owners,
    fronts,
    async terminate() {
      for (const loop of loops) loop.stop()
      // After a death nobody was asked to stop: clients must not wait for what will never answer.
      await Promise.all(fronts.map((front) => front.stop(true).catch(() => undefined)))
    },
  }
}

function bellOf(memory: SharedArrayBuffer | undefined): Bell {
  return new Bell(assertDefined(memory, 'an agent has a bell'))
}
