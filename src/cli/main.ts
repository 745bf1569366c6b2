#!/usr/bin/env node
/** The table of commands: finds the one that is meant, runs it, and turns what it throws into one sentence. */

import { readFileSync } from 'node:fs'
import nodeModule from 'node:module'
import { messageOf } from '../base/errors.ts'
import type { Command } from './command.ts'
import { processTerminal } from './process-terminal.ts'

// An older Node lacks much that is used everywhere; said here, before anything fails in words that explain nothing.
const nodeMajorMin = 24
if (Number.parseInt(process.versions.node, 10) < nodeMajorMin) {
  process.stderr.write(`safka: needs Node ${nodeMajorMin} or newer, and this is Node ${process.versions.node}\n`)
  process.exit(1)
}

// Compiled code is kept between runs, which saves a third of the start; worker threads find the place in the environment.
const { directory: compileCache } = nodeModule.enableCompileCache()
if (compileCache !== undefined) process.env.NODE_COMPILE_CACHE ??= compileCache

type Entry = { readonly name: string; readonly summary: string; readonly load: () => Promise<Pick<Command, 'run'>> }

/** Commands load only when they are run: `start` must answer within a blink, and needs none of the others. */
const commands: readonly Entry[] = [
  { name: 'start', summary: 'start a broker', load: async () => (await import('./start.ts')).startCommand },
  {
    name: 'topic create',
    summary: 'make a topic',
    load: async () => (await import('./topic-create.ts')).topicCreateCommand,
  },
  {
    name: 'topic list',
    summary: 'list the topics',
    load: async () => (await import('./topic-list.ts')).topicListCommand,
  },
  {
    name: 'topic describe',
    summary: "show a topic's partitions, offsets and rings",
    load: async () => (await import('./topic-describe.ts')).topicDescribeCommand,
  },
  {
    name: 'topic delete',
    summary: 'delete topics',
    load: async () => (await import('./topic-delete.ts')).topicDeleteCommand,
  },
  {
    name: 'produce',
    summary: 'send lines to a topic',
    load: async () => (await import('./produce.ts')).produceCommand,
  },
  {
    name: 'consume',
    summary: 'print the records of a topic',
    load: async () => (await import('./consume.ts')).consumeCommand,
  },
  {
    name: 'group list',
    summary: 'list the consumer groups',
    load: async () => (await import('./group-list.ts')).groupListCommand,
  },
  {
    name: 'group describe',
    summary: "show a group's members, offsets and lag",
    load: async () => (await import('./group-describe.ts')).groupDescribeCommand,
  },
]

const exitCode = { ok: 0, failed: 1, badUsage: 2 } as const

async function main(argv: readonly string[]): Promise<number> {
  const [first, second] = argv
  if (first === undefined) {
    process.stderr.write(overview(commands))
    return exitCode.badUsage
  }
  if (first === '--version' || first === '-v') {
    process.stdout.write(`safka ${version()}\n`)
    return exitCode.ok
  }
  const found =
    commands.find(({ name }) => name === `${first} ${second}`) ?? commands.find(({ name }) => name === first)
  if (found === undefined) return noCommand(first, second)
  const wordCount = found.name.split(' ').length
  try {
    const command = await found.load()
    return await command.run(argv.slice(wordCount), processTerminal)
  } catch (thrown) {
    const isUsage = thrown instanceof Error && 'code' in thrown && thrown.code === 'SAFKA_CLI_USAGE'
    const hint = isUsage ? ` (see 'safka ${found.name} --help')` : ''
    process.stderr.write(`safka ${found.name}: ${messageOf(thrown)}${hint}\n`)
    return isUsage ? exitCode.badUsage : exitCode.failed
  }
}

/** Help for a family of commands ('safka topic'), or for all; nonsense is an error. */
function noCommand(first: string, second: string | undefined): number {
  const family = commands.filter(({ name }) => name.startsWith(`${first} `))
  const isHelp = first === '--help' || first === '-h' || first === 'help' || second === '--help' || second === '-h'
  if (isHelp) {
    process.stdout.write(overview(family.length > 0 ? family : commands))
    return exitCode.ok
  }
  const given = family.length > 0 && second !== undefined ? `${first} ${second}` : first
  const problem =
    family.length > 0 && second === undefined ? `'${first}' wants one more word` : `there is no command '${given}'`
  process.stderr.write(`safka: ${problem} (see 'safka --help')\n`)
  return exitCode.badUsage
}

function overview(listed: readonly Entry[]): string {
  const width = Math.max(...listed.map(({ name }) => name.length))
  const lines = listed.map(({ name, summary }) => `  safka ${name.padEnd(width)}  ${summary}`)
  return `Safka, a Kafka broker in one npm package.\n\n${lines.join('\n')}\n\n'safka COMMAND --help' tells more of each.\n`
}

/** From package.json, which lies further up from the built files than from the sources. */
function version(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const facts: { name?: string; version?: string } = JSON.parse(
        readFileSync(new URL(path, import.meta.url), 'utf8'),
      )
      if (facts.name === 'safka' && facts.version !== undefined) return facts.version
    } catch {
      // Not here: one folder further up.
    }
  }
  return 'of unknown version'
}

// A pending timer of the clock does not keep the process alive, but a command that waits to try again must.
const keepAlive = new MessageChannel()
keepAlive.port1.onmessage = () => {}
process.exitCode = await main(process.argv.slice(2))
keepAlive.port1.close()
