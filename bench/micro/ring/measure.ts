/** Measures operations that are too short to be timed one by one: rounds of many, divided. */

import { Bench } from 'tinybench'

/** One line of a benchmark's result. */
export type Result = {
  readonly name: string
  readonly operationsPerSecond: number
  readonly nanosecondsEach: number
}

/** `round` does `operations` of what is measured. */
export type Case = { readonly name: string; readonly operations: number; readonly round: () => void }

/** Runs the cases one after another; `isTiny` runs each just once, to see that it works. */
export async function measure(cases: readonly Case[], { isTiny }: { isTiny: boolean }): Promise<Result[]> {
  const limits = isTiny ? { time: 0, iterations: 1, warmup: false } : { time: 400, iterations: 16, warmupTime: 150 }
  const bench = new Bench({ ...limits, throws: true })
  for (const { name, round } of cases) bench.add(name, round)
  const tasks = await bench.run()
  return tasks.map((task, index) => {
    const { result } = task
    if (!('latency' in result)) throw new Error(`${task.name} gave no figures`)
    // The median: a busy machine draws the mean out.
    const nanosecondsEach = (result.latency.p50 * 1e6) / (cases[index]?.operations ?? 1)
    return { name: task.name, operationsPerSecond: 1e9 / nanosecondsEach, nanosecondsEach }
  })
}
