/** A thread that drops enough to collect at once, and ends well if that worked. */

import { systemClock } from '../../src/base/clock.ts'
import { droppedBytesMax, RingReclaim } from '../../src/ring/reclaim.ts'
import { Ring } from '../../src/ring/ring.ts'

new RingReclaim(systemClock).dropped(new Ring(Ring.create({ dataBytes: droppedBytesMax })))
