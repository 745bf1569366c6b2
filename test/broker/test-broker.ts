/** Starts whole brokers for tests, in every shape that a broker can have, over a folder of their own. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lineLogger } from '../../src/base/logger.ts'
import { type Broker, type BrokerParts, startBroker } from '../../src/broker/broker.ts'
import { type BrokerConfig, configWith } from '../../src/broker/config.ts'

/** How the broker's work is spread over threads. Whole-broker tests run in all of them. */
export const shapes = [
  { name: 'collapsed', owners: 0, fronts: 1 },
  { name: 'one front and one owner', owners: 1, fronts: 1 },
  { name: 'two fronts and two owners', owners: 2, fronts: 2 },
] as const

/** A broker under test, gone with its folder after `close`. */
export type TestBroker = {
  readonly broker: Broker
  readonly address: string
  readonly port: number
  readonly directory: string
  /** Stops the broker and starts another one on the same folder, on the same port. */
  restart(): Promise<TestBroker>
  close(): Promise<void>
}

/** Starts a broker on a free port of the loopback address. */
export async function startTestBroker(
  changes: Partial<BrokerConfig> = {},
  { parts = {}, directory = mkdtempSync(join(tmpdir(), 'safka-test-')), port = 0 }: TestBrokerOptions = {},
): Promise<TestBroker> {
  const config = configWith({
    listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port }],
    dataDirectory: directory,
    ringBytesMax: 4 * 1024 * 1024,
    ...changes,
  })
  const logger = lineLogger(process.env.SAFKA_TEST_LOG === undefined ? 'warn' : 'debug', (line) => console.error(line))
  const broker = await startBroker(config, { logger, ...parts })
  const bound = broker.addresses[0]?.port ?? 0
  return {
    broker,
    address: `127.0.0.1:${bound}`,
    port: bound,
    directory,
    async restart() {
      await broker.stop()
      return startTestBroker(changes, { parts, directory, port: bound })
    },
    async close() {
      await broker.stop(true)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

type TestBrokerOptions = { parts?: BrokerParts; directory?: string; port?: number }

/** Waits until `isTrue` holds, looking again every few milliseconds; throws what was waited for after `limitMs`. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
  const start = performance.now()
  while (!(await isTrue())) {
    if (performance.now() - start > limitMs) throw new Error(`waited ${limitMs} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
