/** Regular expressions of consumer groups beside other work: what they may cost the coordinator at a time, and in all. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Clock, VirtualClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { compilePattern } from '../../src/coordinator/groups/consumer/pattern.ts'
import { RegexResolver, resolveMsMax } from '../../src/coordinator/groups/consumer/resolver.ts'

const stepMs = 5

/** A resolver on a clock on which every step takes its time; `rounds` counts how often other work had its turn. */
class Fixture {
  rounds = 0
  readonly #virtual = new VirtualClock()
  readonly resolver: RegexResolver
  #nowMs = 0

  constructor() {
    const clock: Clock = {
      nowMs: () => this.#virtual.nowMs(),
      monotonicMs: () => {
        this.#nowMs += stepMs
        return this.#nowMs
      },
      startTimer: (delayMs, fire) => {
        this.rounds += 1
        return this.#virtual.startTimer(delayMs, fire)
      },
    }
    this.resolver = new RegexResolver({ clock, logger: silentLogger })
  }

  resolve(regexes: readonly string[], topicNames: readonly string[]): ReadonlyMap<string, readonly string[]> {
    let found: ReadonlyMap<string, readonly string[]> | undefined
    this.resolver.add({ groupId: 'g', regexes, topicNames, done: (matches) => (found = matches) })
    this.#virtual.advance(0)
    assert.ok(found)
    return found ?? new Map()
  }
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `t${index}`)
}

test('other work has its turn between expressions that take long to compile, also where there are no topics', () => {
  const fixture = new Fixture()
  const found = fixture.resolve(numbered(100), [])
  assert.is(found.size, 100)
  assert.ok(fixture.rounds > 100)
})

test('expressions that were not reached in time stand for nothing, the others for their topics', () => {
  const regexes = numbered(resolveMsMax / stepMs)
  const found = new Fixture().resolve(regexes, ['t0', 't999'])
  assert.is(found.size, regexes.length)
  assert.equal(found.get('t0'), ['t0'])
  assert.equal(found.get('t999'), [])
})

test('counts that make a pattern too large are refused before it is compiled, and those that do not are taken', () => {
  const isTaken = (regex: string): boolean => 'matches' in compilePattern(regex)
  assert.not(isTaken('(?:){600}(?:){401}'))
  assert.not(isTaken('(?:){1,600}(?:){401,}'))
  assert.ok(isTaken('(?:){600}(?:){400}'))
  assert.ok(isTaken('a{3}b{2,}c{1,30}'))
})

test.run()
