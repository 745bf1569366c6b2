/** Counts and times a load, and reads how much CPU and memory the broker took for it. */

import { readFileSync } from 'node:fs'

/** Linux counts CPU time in hundredths of a second. */
const ticksPerSecond = 100
/** Beyond this, later samples are left out: percentiles no longer change, and memory stays bounded. */
const samplesMax = 4_000_000

/** Latencies in milliseconds. */
export class Latencies {
  #samples = new Float64Array(65_536)
  #count = 0

  get count(): number {
    return this.#count
  }

  add(milliseconds: number): void {
    if (this.#count === samplesMax) return
    if (this.#count === this.#samples.length) {
      const grown = new Float64Array(this.#samples.length * 2)
      grown.set(this.#samples)
      this.#samples = grown
    }
    this.#samples[this.#count++] = milliseconds
  }

  clear(): void {
    this.#count = 0
  }

  percentiles(): { p50: number; p99: number; p999: number; max: number } {
    const sorted = this.#samples.slice(0, this.#count).sort()
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
    return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: sorted.at(-1) ?? 0 }
  }
}

/** CPU seconds that a process has used so far; undefined where the system does not tell. */
export function cpuSeconds(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in brackets may hold blanks; the fields after it are plain.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  } catch {
    return undefined
  }
}

/** Megabytes that a process holds in memory; undefined where the system does not tell. */
export function residentMegabytes(pid: number): number | undefined {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kibibytes === undefined ? undefined : (Number(kibibytes) * 1024) / 1e6
  } catch {
    return undefined
  }
}

/** What a load counts while it runs. */
export class LoadCounters {
  readonly latencies = new Latencies()
  requests = 0
  records = 0
  bytes = 0
  errors = 0
  firstError = ''

  fail(message: string): void {
    this.errors += 1
    if (this.firstError === '') this.firstError = message
  }

  /** Forgets the warm-up, with its errors: right after a topic's creation Apache Kafka may know no leader yet. */
  restart(): void {
    this.latencies.clear()
    this.requests = 0
    this.records = 0
    this.bytes = 0
    this.errors = 0
    this.firstError = ''
  }
}

/** The result of a load. */
export type LoadResult = {
  readonly load: string
  readonly seconds: number
  readonly requestsPerSecond: number
  readonly recordsPerSecond: number
  readonly megabytesPerSecond: number
  /** Of the broker; undefined where its process is not known. */
  readonly cpuSecondsPerGigabyte: number | undefined
  readonly brokerCores: number | undefined
  readonly brokerMegabytes: number | undefined
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number }
  readonly errors: number
  readonly firstError: string
}

/** Lets a running load warm up, then measures it for `seconds`. */
export async function measure(options: {
  load: string
  counters: LoadCounters
  seconds: number
  warmUpSeconds: number
  brokerPid: number | undefined
}): Promise<LoadResult> {
  const { counters, brokerPid } = options
  await pause(options.warmUpSeconds * 1000)
  counters.restart()
  const startMs = performance.now()
  const cpuStart = brokerPid === undefined ? undefined : cpuSeconds(brokerPid)
  await pause(options.seconds * 1000)
  const seconds = (performance.now() - startMs) / 1000
  const cpuEnd = brokerPid === undefined ? undefined : cpuSeconds(brokerPid)
  const cpu = cpuStart === undefined || cpuEnd === undefined ? undefined : cpuEnd - cpuStart
  return {
    load: options.load,
    seconds,
    requestsPerSecond: counters.requests / seconds,
    recordsPerSecond: counters.records / seconds,
    megabytesPerSecond: counters.bytes / seconds / 1e6,
    cpuSecondsPerGigabyte: cpu === undefined || counters.bytes === 0 ? undefined : cpu / (counters.bytes / 1e9),
    brokerCores: cpu === undefined ? undefined : cpu / seconds,
    brokerMegabytes: brokerPid === undefined ? undefined : residentMegabytes(brokerPid),
    latencyMs: counters.latencies.percentiles(),
    errors: counters.errors,
    firstError: counters.firstError,
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
