/** Runs seeds from the command line: `npm run simulate -- --seeds 1000 --seed 1`, and what `usage` says. */

import { parseArgs } from 'node:util'
import { describeFailure, runSeed, type SeedResult } from './run-seed.ts'

const usage =
  'npm run simulate -- [--seeds N] [--seed S] [--trace] [--stop] [--seconds T]: N seeds from S on; --stop ends it at the first ' +
  'failure, --seconds after so much processor time'
/** How often progress is said. */
const sayEveryMs = 10_000

type Totals = { seeds: number; operations: number; steps: number; faults: number; failed: number }

async function main(): Promise<number> {
  const options = {
    seeds: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    stop: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '' },
  } as const
  const { values } = parseArgs({ options })
  const first = Number(values.seed)
  const secondsMax = values.seconds === '' ? Number.POSITIVE_INFINITY : Number(values.seconds)
  const count = Number(values.seeds)
  if (!Number.isInteger(first) || !Number.isInteger(count) || count < 1) {
    console.error(usage)
    return 2
  }
  const totals: Totals = { seeds: 0, operations: 0, steps: 0, faults: 0, failed: 0 }
  const startMs = performance.now()
  let saidMs = startMs
  for (let seed = first; seed < first + count; seed++) {
    const result = await runSeed(seed, values.trace ? { log: console.log } : undefined)
    add(totals, result)
    if (result.failure !== undefined) console.log(describeFailure(result, result.failure))
    if (result.failure !== undefined && values.stop) break
    if (cpuSeconds() >= secondsMax) break
    if (performance.now() - saidMs < sayEveryMs) continue
    saidMs = performance.now()
    console.log(summary(totals, saidMs - startMs))
  }
  console.log(summary(totals, performance.now() - startMs))
  return totals.failed === 0 ? 0 : 1
}

function add(totals: Totals, { operations, steps, faults, failure }: SeedResult): void {
  totals.seeds++
  totals.operations += operations
  totals.steps += steps
  for (const times of faults.values()) totals.faults += times
  if (failure !== undefined) totals.failed++
}

function summary({ seeds, operations, steps, faults, failed }: Totals, elapsedMs: number): string {
  const each = (total: number): string => (total / seeds).toFixed(0)
  const perMinute = ((seeds / elapsedMs) * 60_000).toFixed(0)
  const perCpuMinute = ((seeds / cpuSeconds()) * 60).toFixed(0)
  const faultsEach = (faults / seeds).toFixed(1)
  return (
    `${seeds} seeds, ${failed} failed, ${cpuSeconds().toFixed(1)} s of processor time; ` +
    `${perMinute} a minute (${perCpuMinute} a minute of processor time); ` +
    `a seed has ${each(operations)} operations, ${faultsEach} faults and ${each(steps)} steps`
  )
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

process.exitCode = await main()
