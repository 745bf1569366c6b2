/** Checks that every room imports only what the room table allows, and touches only the globals that it may. */

import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cruise, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser'
import { filesBelow, projectRoot } from './project.ts'
import { type GlobalUse, globalUses } from './room-globals.ts'

/** Room → what it may import beside itself: the table of ARCHITECTURE.md. */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  base: [],
  metrics: ['base'],
  wire: ['base'],
  ring: ['base'],
  log: ['base', 'wire', 'metrics'],
  partition: ['base', 'wire', 'ring', 'log', 'metrics'],
  coordinator: ['base', 'wire', 'metrics'],
  api: ['base', 'wire'],
  front: ['base', 'wire', 'ring', 'log', 'metrics', 'api'],
  client: ['base', 'wire'],
  console: ['base', 'metrics'],
  broker: ['base', 'metrics', 'wire', 'ring', 'log', 'coordinator', 'console'],
  testing: ['base', 'broker'],
  cli: ['base', 'client', 'broker'],
}

/** Files that may be imported by rooms that may not import their room: words that threads share, types only. */
const sharedWords = ['src/broker/remotes.ts', 'src/coordinator/ports.ts']
const sharedWordsReaders = ['front', 'partition', 'ring', 'log']

/** Node's modules, and packages, that only some rooms may import. */
const reservedModules: readonly { name: string; modules: string; rooms: readonly string[] }[] = [
  { name: 'sockets', modules: '^(node:)?(net|tls|http|https|http2|dgram)$', rooms: ['front', 'client', 'console'] },
  { name: 'files', modules: '^(node:)?fs(/promises)?$', rooms: ['log', 'broker', 'console', 'client', 'cli'] },
  { name: 'threads', modules: '^(node:)?(worker_threads|cluster|child_process)$', rooms: ['broker'] },
  { name: 'codecs', modules: '(^(node:)?zlib$)|node_modules/(snappy|lz4-napi|@node-rs)/', rooms: ['wire'] },
  { name: 'comlink', modules: 'node_modules/(comlink|piscina)/', rooms: ['broker'] },
]

/** One thing that the rooms forbid. */
export type Violation = { readonly rule: string; readonly from: string; readonly to: string }

/** What a check saw: how many modules, and what is wrong. */
export type RoomsReport = { readonly moduleCount: number; readonly violations: readonly Violation[] }

/** Checks the sources below `root`. Throws when the checker did not see every source file. */
export async function checkRooms(root = projectRoot): Promise<RoomsReport> {
  const sources = [...filesBelow('src', '.ts', root), ...filesBelow('workers', '.ts', root)]
  const folders = ['src', 'workers'].filter((folder) => sources.some((path) => path.startsWith(`${folder}/`)))
  const { output } = await cruise(folders, {
    baseDir: root,
    ruleSet: { forbidden: forbiddenRules() },
    validate: true,
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  })
  if (typeof output === 'string') throw new Error('the dependency checker answered with text, not with a result')
  const seen = new Set(output.modules.map((module) => module.source))
  const missed = sources.filter((path) => !seen.has(path))
  if (missed.length > 0) throw new Error(`the dependency checker saw ${seen.size} modules but not ${missed[0]}`)
  const violations = [
    ...importViolations(output),
    ...sources.flatMap((path) => globalUses(root, path).map(asViolation)),
  ]
  return { moduleCount: sources.length, violations }
}

function importViolations(result: ICruiseResult): Violation[] {
  return result.summary.violations.map((found) => ({ rule: found.rule.name, from: found.from, to: found.to }))
}

function asViolation(use: GlobalUse): Violation {
  return { rule: use.rule, from: `${use.path}:${use.line}`, to: use.name }
}

function forbiddenRules(): IForbiddenRuleType[] {
  const rules: IForbiddenRuleType[] = Object.entries(rooms).map(([room, may]) => ({
    name: `${room}-stays-in-its-room`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: { path: '^(src|workers)/', pathNot: allowedPaths(room, may) },
  }))
  rules.push(
    {
      name: 'index-exports-broker-and-testing',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$' },
      to: { path: '^(src|workers)/', pathNot: roomsPath(['base', 'broker', 'testing']) },
    },
    {
      name: 'unknown-room',
      severity: 'error',
      from: { path: '^src/', pathNot: `${roomsPath(Object.keys(rooms))}|^src/[^/]+\\.ts$` },
      to: {},
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-development-dependency',
      severity: 'error',
      from: { path: '^(src|workers)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    ...workerRules(),
    ...reservedModules.map(
      ({ name, modules, rooms: may }): IForbiddenRuleType => ({
        name: `${name}-only-in-${may.join('-')}`,
        severity: 'error',
        from: { path: '^src/', pathNot: roomsPath(may) },
        to: { path: modules },
      }),
    ),
  )
  return rules
}

function allowedPaths(room: string, may: readonly string[]): string {
  const words = sharedWordsReaders.includes(room) ? `|^(${sharedWords.join('|')})$` : ''
  return roomsPath([room, ...may]) + words
}

function roomsPath(names: readonly string[]): string {
  return `^src/(${names.join('|')})/`
}

/** A worker's entry joins its own room with what the room may import; it holds no logic. */
function workerRules(): IForbiddenRuleType[] {
  const entries: Record<string, readonly string[]> = {
    front: ['front', 'api'],
    owner: ['partition'],
    // All agents in the caller's thread.
    collapsed: ['front', 'api', 'partition'],
    housekeeper: ['log', 'partition'],
  }
  return Object.entries(entries).map(([entry, own]) => ({
    name: `worker-${entry}`,
    severity: 'error',
    from: { path: `^workers/${entry}\\.ts$` },
    to: {
      path: '^(src|workers)/',
      pathNot: `${roomsPath(['base', 'metrics', 'wire', 'ring', 'log', ...own])}|^src/broker/(remote[a-z-]*|threads|housekeeping)\\.ts$`,
    },
  }))
}

/** What each planted file must be caught for; '' for one that only completes another. */
const planted: readonly { path: string; text: string; rule: string }[] = [
  {
    path: 'src/wire/planted.ts',
    text: "export { planted } from '../ring/planted.ts'\n",
    rule: 'wire-stays-in-its-room',
  },
  { path: 'src/ring/planted.ts', text: 'export const planted = 1\n', rule: '' },
  {
    path: 'src/api/planted.ts',
    text: "export type { FrontControl } from '../broker/remotes.ts'\n",
    rule: 'api-stays-in-its-room',
  },
  { path: 'src/base/planted-one.ts', text: "export * from './planted-two.ts'\n", rule: 'no-cycles' },
  { path: 'src/base/planted-two.ts', text: "export * from './planted-one.ts'\n", rule: '' },
  { path: 'src/partition/planted.ts', text: "import 'node:net'\n", rule: 'sockets-only-in-front-client-console' },
  { path: 'src/front/planted-log.ts', text: "import 'node:fs'\n", rule: 'files-only-in-log-broker-console-client-cli' },
  {
    path: 'src/coordinator/planted.ts',
    text: 'export const planted = (): number => Date.now()\n',
    rule: 'time-only-in-base-clock',
  },
  {
    path: 'src/log/planted.ts',
    text: 'export const planted = (): number => Math.random()\n',
    rule: 'chance-only-in-base-random',
  },
  {
    path: 'src/front/planted.ts',
    text: 'export const planted = new SharedArrayBuffer(8)\n',
    rule: 'shared-memory-only-in-ring-metrics',
  },
  {
    path: 'src/client/planted.ts',
    text: 'export const planted = Atomics.load\n',
    rule: 'shared-memory-only-in-ring-metrics',
  },
]

/** Plants violations in a copy of the sources and answers with those that were not caught: none, if the check works. */
export async function missedPlants(): Promise<string[]> {
  const copy = mkdtempSync(join(tmpdir(), 'safka-rooms-'))
  try {
    for (const name of ['src', 'workers', 'package.json', 'tsconfig.json']) {
      cpSync(join(projectRoot, name), join(copy, name), { recursive: true })
    }
    symlinkSync(join(projectRoot, 'node_modules'), join(copy, 'node_modules'))
    for (const { path, text } of planted) {
      mkdirSync(dirname(join(copy, path)), { recursive: true })
      writeFileSync(join(copy, path), text)
    }
    const { violations } = await checkRooms(copy)
    return planted
      .filter(({ rule }) => rule !== '')
      .filter(({ path, rule }) => !violations.some((found) => found.rule === rule && found.from.startsWith(path)))
      .map(({ path, rule }) => `${path}: ${rule}`)
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--prove')) {
    const missed = await missedPlants()
    for (const line of missed) console.error(`not caught: ${line}`)
    console.log(
      missed.length === 0 ? 'every planted violation was caught' : `${missed.length} planted violations passed`,
    )
    return missed.length === 0 ? 0 : 1
  }
  const { moduleCount, violations } = await checkRooms()
  for (const { rule, from, to } of violations) console.error(`${rule}: ${from} → ${to}`)
  console.log(`rooms: ${moduleCount} modules, ${violations.length} violations`)
  return violations.length === 0 ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv.slice(2))
