/** Starts a broker from the sources, without a build: `npm run dev -- --port 9001`. */

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { projectRoot } from './project.ts'

const child = spawn(process.execPath, [join(projectRoot, 'src/cli/main.ts'), 'start', ...process.argv.slice(2)], {
  stdio: 'inherit',
})
// The terminal sends its signals to the broker as well; this process only waits for it to have stopped.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (signal === 'SIGTERM') child.kill(signal)
  })
}
child.on('close', (code) => {
  process.exitCode = code ?? 1
})
