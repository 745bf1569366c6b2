/** Garbage is collected when asked for, also without a flag on the command line. */

import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { collectGarbage, settleAfterStart } from '../../src/base/garbage.ts'

/** Things that nobody holds: V8 by itself would keep those that have survived a while for long. */
function unreachable(): WeakRef<object>[] {
  return Array.from({ length: 100 }, () => new WeakRef({ bytes: Buffer.alloc(1000) }))
}

test('what is not reached any more is collected when asked for', async () => {
  const references = unreachable()
  // A weak reference holds on until the turn of the event loop that made it is over.
  await turn()
  collectGarbage()
  assert.ok(references.every((reference) => reference.deref() === undefined))
})

test('what a start leaves behind is collected once the start is over', async () => {
  const clock = new VirtualClock()
  settleAfterStart(clock)
  const references = unreachable()
  await turn()
  clock.advance(10_000)
  assert.ok(references.every((reference) => reference.deref() === undefined))
})

test.run()
