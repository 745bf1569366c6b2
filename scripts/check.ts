/** Everything that has to be right before a change lands: types, lint, rooms, style and tests, one after the other. */

import { runCommand } from './project.ts'

const steps: readonly { name: string; command: string; args: readonly string[] }[] = [
  { name: 'types', command: 'tsc', args: ['-p', 'tsconfig.json', '--noEmit'] },
  { name: 'lint', command: 'biome', args: ['check', '--error-on-warnings'] },
  { name: 'rooms', command: 'node', args: ['scripts/rooms.ts'] },
  { name: 'rooms, proved', command: 'node', args: ['scripts/rooms.ts', '--prove'] },
  { name: 'build', command: 'tsc', args: ['-p', 'tsconfig.build.json'] },
  { name: 'tests (with the tidy test)', command: 'node', args: ['scripts/test.ts'] },
]

const failed: string[] = []
for (const { name, command, args } of steps) {
  console.log(`\n── ${name}: ${command} ${args.join(' ')}`)
  const startMs = performance.now()
  const code = await runCommand(command, args)
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  console.log(`── ${name}: ${code === 0 ? 'ok' : `FAILED (exit code ${code})`} after ${seconds} s`)
  if (code !== 0) failed.push(name)
}
console.log(failed.length === 0 ? '\nall checks passed' : `\nfailed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
