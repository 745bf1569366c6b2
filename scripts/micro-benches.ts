/** Finds and runs the micro benchmarks: files that export `run({ isTiny })`. */

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { filesBelow, projectRoot } from './project.ts'

/** How fast one operation was. */
export type BenchResult = {
  readonly name: string
  readonly operationsPerSecond: number
  readonly nanosecondsEach: number
}

/** Paths of the benchmarks, relative to the project. */
export function benchPaths(): string[] {
  return filesBelow('bench/micro', '.bench.ts')
}

/** Runs one benchmark; `isTiny` takes inputs so small that only "does it still work" is answered. */
export async function runBench(path: string, options: { isTiny: boolean }): Promise<readonly BenchResult[]> {
  const module: { run?: (options: { isTiny: boolean }) => Promise<readonly BenchResult[]> } = await import(
    pathToFileURL(join(projectRoot, path)).href
  )
  if (module.run === undefined) throw new Error(`${path} exports no function named run`)
  return module.run(options)
}
