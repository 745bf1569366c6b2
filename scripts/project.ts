/** Where the project's files are, and how a script runs a command in its folder. */

import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder that holds package.json, without a slash at its end. */
export const projectRoot = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '')

/** Paths of files, relative to `root` and with `/`, whose name ends with `ending`; sorted. A missing folder holds none. */
export function filesBelow(folder: string, ending: string, root = projectRoot): string[] {
  const absolute = join(root, folder)
  if (!existsSync(absolute)) return []
  return readdirSync(absolute, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(root.length + 1)
        .replaceAll('\\', '/'),
    )
    .filter((path) => !path.includes('node_modules/'))
    .sort()
}

/** Runs a command with the terminal as it is; answers with its exit code (a signal counts as 1). */
export function runCommand(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: projectRoot, stdio: 'inherit', env: environment() })
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}

/** The environment with the project's own tools first, as npm gives it to a script. */
export function environment(): NodeJS.ProcessEnv {
  const tools = join(projectRoot, 'node_modules', '.bin')
  return { ...process.env, PATH: `${tools}${delimiter}${process.env.PATH ?? ''}` }
}
