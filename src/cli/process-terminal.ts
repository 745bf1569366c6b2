/** The terminal of this process. */

import type { Terminal } from './command.ts'

export const processTerminal: Terminal = {
  write,
  warn: (text) => void process.stderr.write(text),
  input: process.stdin,
  isErrorTty: process.stderr.isTTY === true,
  environment: process.env,
  onInterrupt: (stop) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  },
}

function write(text: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error === undefined || error === null) resolve()
      // Whoever read the output has gone, as `head` does: that is no failure, and there is nothing left to do.
      else if ('code' in error && error.code === 'EPIPE') process.exit(0)
      else reject(error)
    })
  })
}
