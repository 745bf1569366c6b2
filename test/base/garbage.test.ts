/** Garbage is collected when asked for, also without a flag on the command line. */

import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { VirtualClock } from '../../src/base/clock.ts'
import { collectGarbage, settleAfterStart } from '../../src/base/garbage.ts'

function unreachable(): WeakRef<object> {
  return new WeakRef({ bytes: Buffer.alloc(1000) })
}

test('what is not reached any more is collected when asked for', async () => {
  const reference = unreachable()
  // A weak reference holds on until the turn of the event loop that made it is over.
  await turn()
  assert.ok(reference.deref() !== undefined)
  await turn()
  collectGarbage()
  assert.is(reference.deref(), undefined)
})

test('what a start leaves behind is collected once the start is over, and not before', async () => {
  const clock = new VirtualClock()
  settleAfterStart(clock)
  const reference = unreachable()
  await turn()
  clock.advance(10)
  assert.ok(reference.deref() !== undefined)
  await turn()
  clock.advance(10_000)
  assert.is(reference.deref(), undefined)
})

test.run()
