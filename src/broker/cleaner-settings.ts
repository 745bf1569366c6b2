/** What the log cleaner goes by, from Kafka's broker configs: they may change while it runs. */

export type CleanerSettings = {
  readonly isEnabled: boolean
  /** How many logs are cleaned at once. */
  readonly threads: number
  /** Of one cleaning: memory for keys, the part of it that may be filled, and what is read at once. */
  readonly keyBytesMax: number
  readonly keyLoadFactor: number
  readonly chunkBytes: number
  /** Of all cleanings together, read and written. */
  readonly bytesPerSecondMax: number
  /** How long to wait where there was nothing to clean. */
  readonly backoffMs: number
}

/** Smaller pieces would only be more turns. */
const chunkBytesMin = 4 * 1024

/** Memory for a few keys at least: a cleaning must get on. */
const keyBytesMin = 1024

/** `configOf` answers a broker config's value in force, or null. */
export function cleanerSettings(configOf: (name: string) => string | null): CleanerSettings {
  const number = (name: string): number => Number(configOf(`log.cleaner.${name}`))
  const threads = number('threads')
  const share = Math.max(1, threads)
  return {
    isEnabled: configOf('log.cleaner.enable') === 'true',
    threads,
    keyBytesMax: Math.max(keyBytesMin, Math.floor(number('dedupe.buffer.size') / share)),
    keyLoadFactor: Math.min(1, Math.max(0.1, number('io.buffer.load.factor'))),
    // Kafka takes one half to read into, the other to write from.
    chunkBytes: Math.max(chunkBytesMin, Math.floor(number('io.buffer.size') / share / 2)),
    bytesPerSecondMax: number('io.max.bytes.per.second'),
    backoffMs: number('backoff.ms'),
  }
}
