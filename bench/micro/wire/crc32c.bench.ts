/** CRC-32C over batches of each size, in plain and in shared memory, beside the fallback in plain JavaScript. */

import { crc32c, crc32cPlain, isCrc32cNative } from '../../../src/wire/crc32c.ts'
import { type Case, measure, type Result } from '../ring/measure.ts'

/** What one round covers, so that a round is long enough to be timed. */
const roundBytes = 4 * 1024 * 1024

export function run({ isTiny }: { isTiny: boolean }): Promise<Result[]> {
  const sizes = isTiny ? [1_024] : [1_024, 16_384, 65_536, 1_048_576]
  const cases: Case[] = []
  for (const bytes of sizes) {
    const plain = Buffer.alloc(bytes, 'some record bytes ')
    const shared = Buffer.from(new SharedArrayBuffer(bytes))
    plain.copy(shared)
    const operations = isTiny ? 1 : roundBytes / bytes
    const label = `${bytes / 1024} KiB`
    cases.push(caseOf(`${isCrc32cNative ? 'native' : 'plain JavaScript'}, ${label}`, crc32c, plain, operations))
    cases.push(caseOf(`the same in shared memory, ${label}`, crc32c, shared, operations))
    cases.push(caseOf(`plain JavaScript, ${label}`, crc32cPlain, plain, operations))
  }
  return measure(cases, { isTiny })
}

function caseOf(name: string, checksum: (bytes: Uint8Array) => number, bytes: Buffer, operations: number): Case {
  let sum = 0
  return {
    name: `CRC-32C, ${name}`,
    operations,
    round() {
      for (let operation = 0; operation < operations; operation++) sum ^= checksum(bytes)
      if (!Number.isInteger(sum)) throw new Error('a checksum that is no number')
    },
  }
}
