/**
 * The stress test must be able to fail: each defect is planted into a copy of the sources, and must be caught.
 * A defect is one replacement of text that fits in exactly one place, so that it cannot silently plant nothing.
 */

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemRandom } from '../../src/base/random.ts'
import { runStress, type StressOptions } from './ring-run.ts'

type Defect = {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
  readonly caughtAs: RegExp
  readonly options?: Partial<StressOptions>
}

/** Each batch waits for its answer, and copying takes long: what must come after the copy is easily seen too early. */
const pingPong: Partial<StressOptions> = { dataBytes: 2 ** 20, slots: 64, writers: 1, pendingMax: 1 }
const largeBatches: Partial<StressOptions> = { dataBytes: 2 ** 20, slots: 64 }
const root = fileURLToPath(new URL('../..', import.meta.url))
const seed = Number(process.env.SEED ?? systemRandom.below(2 ** 31))

/** Time passes within another thread's step: as where the system takes the processor away. */
const pause = 'for (let spin = 0; spin < 30_000; spin++) Atomics.load(this.#header, 0)'

/** What wrong memory looks like depends on which batch it hits: torn, lost, out of order, or a failed assertion. */
const anyFailure = /./s

const defects: readonly Defect[] = [
  {
    name: 'the lap published before the copy',
    file: 'src/ring/ring.ts',
    from: 'this.copy(slot, source, start, end)\n',
    to: 'this.publish(slot)\n    this.copy(slot, source, start, end)\n',
    caughtAs: /published too early/,
    options: largeBatches,
  },
  {
    name: 'retired moved past what is not answered',
    file: 'test/stress/ring-owner.ts',
    from: ' && ring.isAnswered(slot)',
    to: '',
    caughtAs: /unanswered/,
  },
  {
    name: 'room given back before retired has moved',
    file: 'src/ring/ring.ts',
    from: 'Atomics.exchange(this.#header, headerWord.retired, toSlot)',
    to: `Atomics.store(this.#header, headerWord.retiredPosition, positionNext); ${pause}
      Atomics.exchange(this.#header, headerWord.retired, toSlot)`,
    caughtAs: anyFailure,
    options: { isEager: true },
  },
  {
    name: 'the re-check before the copy',
    file: 'src/ring/read.ts',
    from: `const read = copyBatches(ring, { first: found, offset, bytesMax, isolationEnd, minOneMessage, allocate })
    // Until this passes, nothing that was read means anything.
    if (slotDistance(ring.recheckRetired(), found) < 0) continue`,
    to: `if (slotDistance(ring.recheckRetired(), found) < 0) continue
    const read = copyBatches(ring, { first: found, offset, bytesMax, isolationEnd, minOneMessage, allocate })`,
    caughtAs: anyFailure,
  },
  {
    name: 'the re-check left out',
    file: 'src/ring/read.ts',
    from: 'if (slotDistance(ring.recheckRetired(), found) < 0) continue',
    to: '',
    caughtAs: anyFailure,
  },
  {
    name: 'the bell rung before the publish',
    file: 'test/stress/ring-writer.ts',
    from: 'const slot = this.#ring.append(batch, 0, batch.length, this.#writer)\n    this.#ownerBell.markAndRing(partition)',
    to: 'this.#ownerBell.markAndRing(partition)\n    const slot = this.#ring.append(batch, 0, batch.length, this.#writer)',
    caughtAs: /stalled/,
    options: pingPong,
  },
  {
    name: 'the seal ignored by claims',
    file: 'src/ring/claim.ts',
    from: 'if (position < 0) return RING_SEALED',
    to: '',
    caughtAs: anyFailure,
    options: { durationMs: 300 },
  },
  {
    name: 'a claim that is not one exchange',
    file: 'src/ring/claim.ts',
    from: 'Atomics.compareExchange(this.#longs, headerLong.claim, expected, this.#joined(highNext, lowNext)) === expected',
    to: 'Atomics.exchange(this.#longs, headerLong.claim, this.#joined(highNext, lowNext)) !== expected || expected >= 0n',
    caughtAs: anyFailure,
  },
  {
    name: 'the interest taken before the reveal',
    file: 'test/stress/ring-owner.ts',
    from: `ring.setReadable(end)
    ring.assertOrder()
    this.#ringFor(this.#table.takeInterest(partition))`,
    to: `this.#ringFor(this.#table.takeInterest(partition))
    ring.setReadable(end)`,
    caughtAs: /stalled/,
    options: pingPong,
  },
]

/** A copy of what the test's threads run, with `defect` in it. */
function plant(defect: Defect | undefined): { threadUrl: URL; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'safka-defect-'))
  for (const part of ['src/base', 'src/ring', 'test/stress']) {
    mkdirSync(join(folder, part), { recursive: true })
    cpSync(join(root, part), join(folder, part), { recursive: true })
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  if (defect !== undefined) {
    const path = join(folder, defect.file)
    const pieces = readFileSync(path, 'utf8').split(defect.from)
    assert.is(pieces.length, 2, `${defect.name}: the text to replace must be there exactly once`)
    writeFileSync(path, pieces.join(defect.to))
  }
  const threadUrl = pathToFileURL(join(folder, 'test/stress/ring-thread.ts'))
  return { threadUrl, remove: () => rmSync(folder, { recursive: true }) }
}

async function run(defect: Defect | undefined, durationMs: number, stallMs: number): Promise<string> {
  const { threadUrl, remove } = plant(defect)
  try {
    const usual = { seed, durationMs, stallMs, dataBytes: 65_536, slots: 256, writers: 2, readers: 2 }
    const report = await runStress({ ...usual, ...defect?.options, threadUrl })
    return report.failure
  } finally {
    remove()
  }
}

test('the copy without a defect passes', async () => {
  assert.is(await run(undefined, 300, 4000), '')
})

for (const defect of defects) {
  test(`caught: ${defect.name}`, async () => {
    const failure = await run(defect, 12_000, 500)
    assert.match(failure, defect.caughtAs, `seed ${seed}: ${failure === '' ? 'not caught' : failure}`)
  })
}

test.run()
