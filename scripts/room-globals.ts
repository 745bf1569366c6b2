/** Finds uses of time, chance and shared memory in a source file, outside the rooms that own them. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

/** A use of something that belongs to another room. */
export type GlobalUse = { readonly rule: string; readonly path: string; readonly line: number; readonly name: string }

type Reserved = { readonly rule: string; readonly mayUse: RegExp; readonly uses: (node: ts.Node) => string | undefined }

const timeGlobals = ['performance', 'setTimeout', 'setInterval', 'clearTimeout', 'clearInterval']
const timeModules = ['timers', 'timers/promises', 'perf_hooks']
const chanceNames = ['randomBytes', 'randomInt', 'randomUUID', 'randomFill', 'randomFillSync', 'getRandomValues']

const reserved: readonly Reserved[] = [
  {
    rule: 'time-only-in-base-clock',
    mayUse: /^src\/base\/clock\.ts$/,
    uses: (node) => globalUsed(node, timeGlobals) ?? clockRead(node) ?? imported(node, timeModules),
  },
  {
    rule: 'chance-only-in-base-random',
    mayUse: /^src\/base\/random\.ts$/,
    uses: (node) => member(node, 'Math', ['random']) ?? globalUsed(node, ['crypto']) ?? importedName(node, chanceNames),
  },
  {
    rule: 'shared-memory-only-in-ring-metrics',
    // The in-memory disk lies in shared memory, so that readers in other threads see what the owner wrote.
    mayUse: /^src\/(ring|metrics)\/|^src\/log\/memory-disk\.ts$/,
    uses: (node) => globalUsed(node, ['Atomics']) ?? constructed(node, 'SharedArrayBuffer'),
  },
]

/** What a file uses although it belongs to another room. */
export function globalUses(root: string, path: string): GlobalUse[] {
  const active = reserved.filter(({ mayUse }) => !mayUse.test(path))
  const file = ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.ES2024, true)
  const found: GlobalUse[] = []
  const visit = (node: ts.Node): void => {
    for (const { rule, uses } of active) {
      const name = uses(node)
      if (name === undefined) continue
      found.push({ rule, path, line: file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1, name })
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

/** `Date.now()`, `new Date()`, `process.hrtime`: reading the clock. `new Date(milliseconds)` only converts. */
function clockRead(node: ts.Node): string | undefined {
  if (ts.isNewExpression(node) && isIdentifier(node.expression, 'Date') && (node.arguments ?? []).length === 0)
    return 'new Date()'
  if (ts.isCallExpression(node) && isIdentifier(node.expression, 'Date')) return 'Date()'
  return member(node, 'Date', ['now']) ?? member(node, 'process', ['hrtime'])
}

function member(node: ts.Node, object: string, names: readonly string[]): string | undefined {
  if (!ts.isPropertyAccessExpression(node) || !isIdentifier(node.expression, object)) return undefined
  return names.includes(node.name.text) ? `${object}.${node.name.text}` : undefined
}

/** A global's name where it is used as a value: not as a property, a declaration or a label of the program's own. */
function globalUsed(node: ts.Node, names: readonly string[]): string | undefined {
  if (!ts.isIdentifier(node) || !names.includes(node.text)) return undefined
  const { parent } = node
  if (ts.isCallExpression(parent) && parent.expression === node) return node.text
  if (ts.isPropertyAccessExpression(parent) && parent.expression === node) return node.text
  return undefined
}

function constructed(node: ts.Node, name: string): string | undefined {
  return ts.isNewExpression(node) && isIdentifier(node.expression, name) ? `new ${name}` : undefined
}

function imported(node: ts.Node, modules: readonly string[]): string | undefined {
  if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) return undefined
  const name = node.moduleSpecifier.text.replace(/^node:/, '')
  return modules.includes(name) ? name : undefined
}

function importedName(node: ts.Node, names: readonly string[]): string | undefined {
  if (!ts.isImportSpecifier(node)) return undefined
  const name = (node.propertyName ?? node.name).text
  return names.includes(name) ? name : undefined
}

function isIdentifier(node: ts.Node, name: string): boolean {
  return ts.isIdentifier(node) && node.text === name
}
