/** Comlink over Node's message ports: how control calls travel between threads. Never used per record or group request. */

import type { MessagePort } from 'node:worker_threads'
import Comlink, { type Endpoint } from 'comlink'

/** A remote object of which every method answers with a promise. */
export type Remote<Target> = Comlink.Remote<Target>

/** Answers calls that arrive on `port` with the methods of `target`. */
export function exposeCalls(target: object, port: MessagePort): void {
  Comlink.expose(target, endpointOf(port))
}

/** A stand-in whose methods run at the other end of `port`. */
export function remoteCalls<Target>(port: MessagePort): Remote<Target> {
  return Comlink.wrap<Target>(endpointOf(port))
}

type Listener = Parameters<Endpoint['addEventListener']>[1]

/**
 * A port as Comlink wants it, by Node's own 'message' event: listening to a port as an event target would make Node load its
 * whole HTTP client for the class MessageEvent, which costs each thread 16 MB and 40 ms.
 */
function endpointOf(port: MessagePort): Endpoint {
  const adapters = new Map<Listener, (data: unknown) => void>()
  return {
    postMessage: (message, transfer) => port.postMessage(message, transfer ?? []),
    addEventListener(_type, listener) {
      const adapter = (data: unknown): void => {
        const event: { data: unknown } = { data }
        if (typeof listener === 'function') Reflect.apply(listener, port, [event])
        else Reflect.apply(listener.handleEvent, listener, [event])
      }
      adapters.set(listener, adapter)
      port.on('message', adapter)
    },
    removeEventListener(_type, listener) {
      const adapter = adapters.get(listener)
      if (adapter !== undefined) port.off('message', adapter)
      adapters.delete(listener)
    },
    start: () => port.start(),
  }
}
