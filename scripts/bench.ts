/** Runs the micro benchmarks in full, prints a table and keeps the figures: `npm run bench -- [part of a path …]`. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { type BenchResult, benchPaths, runBench } from './micro-benches.ts'
import { projectRoot } from './project.ts'

/** Ignored by git: figures belong to the machine that they were taken on. */
const resultsFolder = 'bench/results/local'

async function main(argv: readonly string[]): Promise<number> {
  const isTiny = argv.includes('--tiny')
  const parts = argv.filter((argument) => !argument.startsWith('-'))
  const paths = benchPaths().filter((path) => parts.length === 0 || parts.some((part) => path.includes(part)))
  if (paths.length === 0) {
    console.error('no benchmark matches')
    return 2
  }
  const results: (BenchResult & { path: string })[] = []
  for (const path of paths) {
    console.log(`\n${path}`)
    for (const result of await runBench(path, { isTiny })) {
      results.push({ path, ...result })
      console.log(line(result))
    }
  }
  const file = saveResults(results)
  console.log(`\nkept in ${file}`)
  return 0
}

function line({ name, operationsPerSecond, nanosecondsEach }: BenchResult): string {
  const rate = Math.round(operationsPerSecond).toLocaleString('en-US')
  return `  ${name.padEnd(60)} ${rate.padStart(16)} /s ${nanosecondsEach.toFixed(1).padStart(14)} ns`
}

function saveResults(results: readonly (BenchResult & { path: string })[]): string {
  const takenAt = new Date().toISOString()
  const machine = { cores: cpus().length, model: cpus()[0]?.model ?? '', node: process.version }
  mkdirSync(join(projectRoot, resultsFolder), { recursive: true })
  const file = `${resultsFolder}/micro-${takenAt.replaceAll(':', '-')}.json`
  writeFileSync(join(projectRoot, file), `${JSON.stringify({ takenAt, machine, results }, null, 2)}\n`)
  return file
}

process.exitCode = await main(process.argv.slice(2))
