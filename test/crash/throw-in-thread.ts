/** Preloaded into every thread of a broker: the one that SAFKA_TEST_THROW names throws once a file appears, or at once. */

import { existsSync } from 'node:fs'
import { threadName } from 'node:worker_threads'

const [name, how, file = ''] = (process.env.SAFKA_TEST_THROW ?? '').split(',')

if (threadName === name) {
  const reason = new Error(`planted in ${threadName}`)
  const isNow = (): boolean => how === 'at once' || existsSync(file)
  const timer = setInterval(() => {
    if (!isNow()) return
    clearInterval(timer)
    if (how === 'rejection') void Promise.reject(reason)
    else throw reason
  }, 10)
}
