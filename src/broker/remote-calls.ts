/** Comlink over Node's message ports: how control calls travel between threads. Never used per record or group request. */

import type { MessagePort } from 'node:worker_threads'
import Comlink from 'comlink'

/** A remote object of which every method answers with a promise. */
export type Remote<Target> = Comlink.Remote<Target>

/** Answers calls that arrive on `port` with the methods of `target`. */
export function exposeCalls(target: object, port: MessagePort): void {
  Comlink.expose(target, port)
}

/** A stand-in whose methods run at the other end of `port`. */
export function remoteCalls<Target>(port: MessagePort): Remote<Target> {
  return Comlink.wrap<Target>(port)
}
