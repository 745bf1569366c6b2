/** Runs one seed from end to end and judges it. */

import { messageOf } from '../../src/base/errors.ts'
import { type Logger, silentLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import { checkHistory } from '../history/check.ts'
import { Administrator } from './administrator.ts'
import { compareFacts, type Inspected, Inspector } from './inspector.ts'
import { Machine } from './machine.ts'
import { Member } from './members.ts'
import { Operator } from './operator.ts'
import { makePlan, type Plan } from './plan.ts'
import { IdempotentProducer, PlainProducer } from './producers.ts'
import { follow, Reader, readToEnd } from './readers.ts'
import { Referee } from './referee.ts'
import { RingClient } from './ring-client.ts'
import { Scheduler } from './scheduler.ts'
import { TransactionalProducer } from './transactions.ts'
import { Violation, World } from './world.ts'

export type SeedResult = {
  readonly seed: number
  readonly plan: Plan
  readonly operations: number
  readonly steps: number
  readonly faults: ReadonlyMap<string, number>
  /** Stands for everything that happened. */
  readonly traceHash: string
  /** undefined: nothing was wrong. */
  readonly failure: Error | undefined
}

const inspected: Inspected = { groups: [1, 2, 3, 4], transactionalIds: ['adding', 'added'] }
/** More steps than this are no progress. */
const stepsMax = 400_000
/** Steps between two looks at all partitions. */
const stepsPerCheck = 8

export async function runSeed(seed: number, watch?: { log: (line: string) => void }): Promise<SeedResult> {
  const scheduler = new Scheduler(seededRandom(seed))
  const plan = makePlan(scheduler.random)
  const world = new World(scheduler, scheduler.random, plan.places)
  const machine = new Machine(scheduler, scheduler.random)
  const referee = new Referee()
  const logger = watch === undefined ? silentLogger : tracingLogger(watch.log)
  const operator = new Operator({ world, machine, plan, referee, logger })
  let stepsToCheck = stepsPerCheck
  scheduler.onStep = (name) => {
    watch?.log(`${scheduler.clock.elapsedMs.toFixed(2)} ${name}`)
    if (--stepsToCheck > 0) return
    stepsToCheck = stepsPerCheck
    if (world.life !== undefined && !world.life.isOver) world.life.watch.check()
  }
  let isDone = false
  const noteRejection = (reason: unknown): void => world.fail(reason)
  process.on('unhandledRejection', noteRejection)
  try {
    live(world, operator, plan, referee).then(
      () => {
        isDone = true
      },
      (thrown: unknown) => world.fail(thrown),
    )
    const isOver = await scheduler.runUntil(() => isDone || world.failure !== undefined, stepsMax)
    if (!isOver) world.fail(new Violation(`no progress after ${scheduler.stepCount} steps`))
  } catch (thrown) {
    world.fail(thrown)
  } finally {
    process.off('unhandledRejection', noteRejection)
    world.life?.kill()
  }
  if (world.failure === undefined) judge(world)
  world.history.operations.forEach((operation, at) => {
    const text = JSON.stringify(operation)
    scheduler.trace.add(text)
    watch?.log(`operation ${at}: ${text}`)
  })
  return {
    seed,
    plan,
    operations: world.history.now,
    steps: scheduler.stepCount,
    faults: operator.faults,
    traceHash: scheduler.trace.text(),
    failure: world.failure,
  }
}

/** What went wrong, and how to see it again. */
export function describeFailure({ seed, plan, operations, steps }: SeedResult, failure: Error): string {
  const what = failure instanceof Violation ? failure.message : (failure.stack ?? failure.message)
  const where = `seed ${seed} (sync ${plan.policy}) failed after ${operations} operations and ${steps} steps`
  return `${where}; again: npm run simulate -- --seeds 1 --seed ${seed} --trace\n${what}`
}

async function live(world: World, operator: Operator, plan: Plan, referee: Referee): Promise<void> {
  await operator.start()
  const administrator = new Administrator(world, 'administrator')
  await administrator.createTopics(plan.topics)
  const work = startClients(world, administrator, referee)
  await operator.run()
  world.isWindingDown = true
  await work
  const finals = [true, false].map(
    (isCommitted) =>
      new Reader(world, isCommitted ? 'the last to read committed' : 'the last', { isCommitted, isFinal: true }),
  )
  await Promise.all(finals.map(readToEnd))
  const inspector = new Inspector(world, 'inspector')
  const before = await inspector.look(inspected)
  await operator.restart(world.pick(['kill', 'stop']))
  compareFacts(before, await inspector.look(inspected))
}

/** Resolves once each has ended. */
function startClients(world: World, administrator: Administrator, referee: Referee): Promise<unknown> {
  const member = (name: string, group: number, isStatic: boolean): Member =>
    new Member(world, name, { group, referee, isStatic, isCommitted: group === 1 })
  const clients = [
    administrator,
    new PlainProducer(world, 'plain', false),
    new PlainProducer(world, 'repeating', true),
    new IdempotentProducer(world, 'idempotent 1'),
    new IdempotentProducer(world, 'idempotent 2'),
    new TransactionalProducer(world, 'adding', { transactionalId: 'adding', isAdding: true, group: 3 }),
    new TransactionalProducer(world, 'added', { transactionalId: 'added', isAdding: false, group: 4 }),
    new RingClient(world, 'ring'),
    member('member 1', 1, false),
    member('member 2', 1, false),
    member('member 3', 1, true),
    member('member 4', 2, false),
    member('member 5', 2, false),
  ]
  const readers = [true, false].map(
    (isCommitted) => new Reader(world, isCommitted ? 'reader of committed' : 'reader', { isCommitted }),
  )
  return Promise.all([...clients.map((client) => client.run()), ...readers.map(follow)])
}

function judge(world: World): void {
  const findings = checkHistory(world.history)
  if (findings.counts.size > 0) world.fail(new Violation(findings.toString()))
}

function tracingLogger(log: (line: string) => void): Logger {
  const say =
    (level: string) =>
    (message: string, fields: unknown = {}): void =>
      log(`   ${level}: ${message} ${messageOf(fields instanceof Error ? fields : JSON.stringify(fields))}`)
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
}
