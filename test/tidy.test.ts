/** The rules of STYLE.md that no linter knows. */

import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { filesBelow, projectRoot } from '../scripts/project.ts'

const fileLinesMax = 400
const functionLinesMax = 60
const workerLinesMax = 40
const bannedNames = ['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'manager', 'types', 'index']
/** The public API of the package, and the explicit list of Kafka's APIs. */
const allowedIndexes = ['src/index.ts', 'src/api/index.ts', 'test/api/index.test.ts']
/** Files that are one noun in two files: the flyweight's accessors lie beside what builds and reads whole batches. */
const allowedWholeExports = ['src/wire/record-batch.ts']

type Source = { readonly path: string; readonly text: string; readonly lines: readonly string[] }

const folders = ['src', 'workers', 'bench', 'test', 'scripts']
const sources: readonly Source[] = folders
  .flatMap((folder) => filesBelow(folder, '.ts'))
  .filter((path) => !path.includes('/generated/') && !path.startsWith('test/golden/'))
  .map((path) => {
    const text = readFileSync(join(projectRoot, path), 'utf8')
    return { path, text, lines: text.replace(/\n$/, '').split('\n') }
  })

/** Fails with one line for each place that breaks the rule. */
function forbid(rule: string, find: (source: Source) => readonly (number | string)[]): void {
  test(rule, () => {
    const found = sources.flatMap((source) => find(source).map((place) => `${source.path}:${place}`))
    assert.ok(found.length === 0, `broken here:\n  ${found.join('\n  ')}`)
  })
}

/** Numbers of the lines that match, from 1. */
function linesWith(source: Source, pattern: RegExp): number[] {
  return source.lines.flatMap((line, index) => (pattern.test(line) ? [index + 1] : []))
}

test('there are sources to look at', () => {
  assert.ok(sources.length > 50, `only ${sources.length} files were found`)
})

forbid('a file opens with a sentence that says what it is for', (source) => {
  const text = source.text.replace(/^#!.*\n/, '')
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(text)?.[1]
  const opening = comment?.replaceAll(/\s*\n\s*\*?\s?/g, ' ').trim()
  return opening !== undefined && /^[\w`'"@].*[.:!?)]/.test(opening) ? [] : [1]
})

forbid(`a file has at most ${fileLinesMax} lines`, (source) =>
  source.lines.length > fileLinesMax ? [`${source.lines.length} lines`] : [],
)

forbid(`a worker's entry has at most ${workerLinesMax} lines`, (source) =>
  source.path.startsWith('workers/') && source.lines.length > workerLinesMax ? [`${source.lines.length} lines`] : [],
)

forbid(`a function has at most ${functionLinesMax} lines`, (source) => longFunctions(source))

forbid('a file is named in kebab-case, for a noun', (source) => {
  const name = basename(source.path).replace(/\.(test|bench)?\.?ts$/, '')
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) return ['not kebab-case']
  return bannedNames.includes(name) && !allowedIndexes.includes(source.path) ? ['banned name'] : []
})

forbid('exports have names', (source) => linesWith(source, /^export default\b/))

forbid('only the list of APIs and the public API re-export whole files', (source) =>
  [...allowedIndexes, ...allowedWholeExports].includes(source.path) ? [] : linesWith(source, /^export \* /),
)

forbid('an import of our own names the .ts file', (source) =>
  linesWith(source, /(?:^import|\bfrom|\bimport\()\s*'(\.[^']*)(?<!\.ts)(?<!\.json)(?<!\.mjs)'/),
)

forbid("Node's modules are imported with node:", (source) =>
  linesWith(source, /\bfrom '(fs|net|tls|os|path|zlib|crypto|events|stream|worker_threads|child_process|util|url)'/),
)

forbid('nothing is left to do later', (source) => linesWith(source, /\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b/))

forbid('no check is switched off', (source) => linesWith(source, /@ts-(ignore|nocheck)\b|biome-ignore-[a]ll/))

forbid('no test is left alone or skipped', (source) =>
  source.path.endsWith('.test.ts') ? linesWith(source, /^\s*test\.(only|skip)\(/) : [],
)

forbid('a test file ends by running its tests', (source) =>
  source.path.endsWith('.test.ts') && !/\.run\(\)\n\}?\n?$/.test(source.text) ? ['last line'] : [],
)

forbid("an API's file says name, versions and behaviour, and its number is its key", (source) => {
  const number = /^src\/api\/(\d\d)-/.exec(source.path)?.[1]
  if (number === undefined) return []
  const head = /^\/\*\*([\s\S]*?)\*\//.exec(source.text)?.[1] ?? ''
  return /versions?\b/i.test(head) && head.trim().split('\n').length >= 2 ? [] : ['head']
})

/** First lines of functions that are too long, by the indentation that the formatter keeps. */
function longFunctions(source: Source): string[] {
  const found: string[] = []
  const opening =
    /^(\s*)(?:export )?(?:(?:async )?function\b|(?:async |static |get |set |private |override )*[#\w]+\([^;]*\)?.*\{$)/
  for (const [index, line] of source.lines.entries()) {
    const match = opening.exec(line)
    if (match === null || /^\s*(if|for|while|switch|return|test|describe|forbid)\b/.test(line)) continue
    const indent = match[1] ?? ''
    const end = source.lines.findIndex(
      (later, at) => at > index && later.startsWith(`${indent}}`) && !later.startsWith(`${indent} `),
    )
    if (end === -1) continue
    const length = end - index + 1
    if (length > functionLinesMax) found.push(`${index + 1} (${length} lines)`)
  }
  return found
}

test.run()
