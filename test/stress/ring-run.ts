/** Runs the ring's stress test: starts the threads, lets them work for a while, seals the ring, and compares what they saw. */

import { Worker } from 'node:worker_threads'
import { Bell } from '../../src/ring/bell.ts'
import { Ring } from '../../src/ring/ring.ts'
import { PartitionTable } from '../../src/ring/table.ts'
import { control, partition, type StressThread, type StressWorld } from './ring-world.ts'

export type StressOptions = {
  readonly seed: number
  readonly durationMs: number
  readonly dataBytes: number
  readonly slots: number
  readonly writers: number
  readonly readers: number
  /** Batches in flight by writer: 40 where not given, so that writers meet a full ring, and often wait for answers. */
  readonly pendingMax?: number
  readonly isEager?: boolean
  /** The thread's module: another one than ours where a defect is planted. */
  readonly threadUrl?: URL
  /** How long nobody may get on. */
  readonly stallMs?: number
}

/** `failure` is '' where every promise held. */
export type StressReport = { readonly failure: string; readonly batches: number; readonly detail: string }

/** How long threads may take to start. */
const startMs = 10_000
/** How often the run is looked at. */
const pollMs = 20

type Message = { kind: 'done' | 'failed'; role: string; index: number; detail: unknown }

export async function runStress(options: StressOptions): Promise<StressReport> {
  const world = makeWorld(options)
  const words = new Int32Array(world.control)
  const url = options.threadUrl ?? new URL('./ring-thread.ts', import.meta.url)
  const run = new Run(world, url, threadsOf(options))
  try {
    const wait = { stallMs: options.stallMs ?? 4000, words }
    await run.settle({ ...wait, durationMs: options.durationMs })
    if (run.failure === '') {
      new Ring(world.ring).seal()
      const ownerBell = new Bell(world.ownerBell)
      ownerBell.markAndRing(partition)
      for (const bell of world.bells) new Bell(bell).markAndRing(partition)
      await run.settle({ ...wait, durationMs: Number.POSITIVE_INFINITY })
    }
    const batches = Atomics.load(words, control.batches)
    return { failure: run.failure || run.disagreement(), batches, detail: run.summary() }
  } finally {
    await run.stop()
  }
}

function makeWorld(options: StressOptions): StressWorld {
  const { dataBytes, slots, writers, readers, seed } = options
  const shape = { dataBytes, slots, firstSlot: 2 ** 31 - 5000, firstPositionUnits: 0 }
  const members = writers + readers
  return {
    ring: Ring.create(shape),
    table: PartitionTable.create(1),
    ownerBell: Bell.create(1),
    bells: Array.from({ length: members }, () => Bell.create(1)),
    control: new SharedArrayBuffer(64),
    writers,
    seed,
    entryBytesMax: dataBytes / 4,
    pendingMax: options.pendingMax ?? 40,
    isEager: options.isEager ?? false,
  }
}

function threadsOf({ writers, readers }: StressOptions): StressThread[] {
  const members = Array.from({ length: writers + readers }, (_, index): StressThread => {
    return { role: index < writers ? 'writer' : 'reader', index }
  })
  return [{ role: 'owner', index: -1 }, ...members]
}

class Run {
  failure = ''
  readonly #workers: Worker[]
  readonly #reports = new Map<string, Record<string, number>>()
  #changed: () => void = () => {}

  constructor(world: StressWorld, url: URL, threads: readonly StressThread[]) {
    this.#workers = threads.map((thread) => {
      const worker = new Worker(url, { workerData: { world, thread } })
      worker.on('message', (message: Message) => this.#take(message))
      worker.on('error', (error) => this.#fail(`a thread died: ${String(error)}`))
      return worker
    })
  }

  /** Resolves when all threads are done, one failed, nobody got on for too long, or the time is over. */
  async settle({
    durationMs,
    stallMs,
    words,
  }: {
    durationMs: number
    stallMs: number
    words: Int32Array
  }): Promise<void> {
    // Time counts from the first progress: starting threads takes long on a busy machine.
    let start = performance.now()
    let progress = 0
    let progressAt = start + startMs
    while (this.failure === '' && this.#reports.size < this.#workers.length) {
      const now = performance.now()
      const progressNow = Atomics.load(words, control.progress)
      if (progress === 0 && progressNow > 0) start = now
      if (progressNow !== progress) progressAt = now
      progress = progressNow
      if (progress > 0 && now - start >= durationMs) return
      if (now - progressAt > stallMs) this.#fail('stalled: somebody slept through a ring')
      await this.#changeOr(pollMs)
    }
  }

  /** What writers and owner do not agree on. */
  disagreement(): string {
    const owner = this.#reports.get('owner -1')
    for (const [name, report] of this.#reports) {
      const [role, index] = name.split(' ')
      if (role !== 'writer' || owner === undefined) continue
      const stamped = owner[`writer${index}`] ?? 0
      if (stamped !== report.appended) return `lost: ${name} appended ${report.appended}, the owner saw ${stamped}`
    }
    return ''
  }

  summary(): string {
    return [...this.#reports].map(([name, report]) => `${name}: ${JSON.stringify(report)}`).join('; ')
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  #take({ kind, role, index, detail }: Message): void {
    if (kind === 'failed') this.#fail(`${role} ${index}: ${String(detail)}`)
    else this.#reports.set(`${role} ${index}`, { ...(typeof detail === 'object' ? detail : {}) })
    this.#changed()
  }

  #fail(failure: string): void {
    this.failure ||= failure
    this.#changed()
  }

  #changeOr(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs)
      this.#changed = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
