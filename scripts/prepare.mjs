// Builds `dist` while the project itself is installed; does nothing in the install of someone who uses the package.
// Plain JavaScript, since npm may run it with a Node that knows no TypeScript.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')

if (existsSync(compiler) && existsSync(join(root, 'tsconfig.build.json'))) {
  const { status, error } = spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], {
    cwd: root,
    stdio: 'inherit',
  })
  if (error) console.error(`the build did not start: ${error.message}`)
  process.exitCode = status ?? 1
}
