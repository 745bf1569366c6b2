/** Reads listeners in Kafka's syntax: `NAME://host:port`, several separated by commas. */

import { ConfigError } from './config-error.ts'
import type { ListenerSpec } from './remotes.ts'

/** A host and a port; an empty host means every interface. */
export type Endpoint = { readonly host: string; readonly port: number }

/** The host that listens on every IPv4 interface: what an empty host in a listener stands for. */
export const everyInterface = '0.0.0.0'

/** What a broker is told of its listeners; the texts are as the user gave them, undefined where not given. */
export type ListenerTexts = {
  readonly listeners: string
  readonly advertisedListeners: string | undefined
  /** The short form: one `host:port` (or only a host) for the first listener. */
  readonly advertised: string | undefined
  /** Kafka's `listener.security.protocol.map`; names that it leaves out are plain text. */
  readonly protocolMap: string | undefined
}

/** The listeners with what they advertise. Throws ConfigError where they contradict themselves, or ask for TLS or SASL. */
export function resolveListeners(texts: ListenerTexts): ListenerSpec[] {
  const listeners = parseNamed('listeners', texts.listeners)
  if (listeners.size === 0)
    throw new ConfigError('listeners must name at least one listener, such as PLAINTEXT://0.0.0.0:9000')
  requirePlainText([...listeners.keys()], texts.protocolMap)
  requireOwnPorts(listeners)
  const advertised = resolveAdvertised(listeners, texts)
  return [...listeners].map(([name, { host, port }]) => {
    const told = advertised.get(name)
    return {
      name,
      host: host === '' ? everyInterface : host,
      port,
      ...(told === undefined ? {} : { advertised: told }),
    }
  })
}

function resolveAdvertised(listeners: ReadonlyMap<string, Endpoint>, texts: ListenerTexts): Map<string, Endpoint> {
  const advertised = parseNamed('advertised.listeners', texts.advertisedListeners ?? '')
  for (const [name, { host, port }] of advertised) {
    if (!listeners.has(name)) {
      throw new ConfigError(
        `advertised.listeners names ${name}, which is not one of the listeners (${[...listeners.keys()].join(', ')})`,
      )
    }
    requireReachable('advertised.listeners', host, port)
  }
  if (texts.advertised === undefined) return advertised
  if (advertised.size > 0) throw new ConfigError('give either --advertised or --advertised-listeners, not both')
  const [first] = listeners
  if (first === undefined) return advertised
  const [name, own] = first
  const { host, port } = parseEndpoint('advertised', texts.advertised, own.port)
  requireReachable('advertised', host, port)
  return new Map([[name, { host, port }]])
}

/** The host as it stands before `:port`: IPv6 addresses go into brackets. */
export function hostInAddress(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

/** `host:port`, `[address]:port`, or only a host where `portDefault` is given. Throws ConfigError naming `setting`. */
export function parseEndpoint(setting: string, text: string, portDefault?: number): Endpoint {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]*))(?::(\d{1,5}))?$/.exec(text.trim())
  const port = match?.[3] === undefined ? portDefault : Number(match[3])
  if (match === null || port === undefined || port > 65_535) {
    throw new ConfigError(`${setting} has ${JSON.stringify(text)}, which is not host:port with a port of at most 65535`)
  }
  return { host: match[1] ?? match[2] ?? '', port }
}

function parseNamed(setting: string, text: string): Map<string, Endpoint> {
  const found = new Map<string, Endpoint>()
  for (const part of text.split(',').map((piece) => piece.trim())) {
    if (part === '') continue
    const [, name, rest] = /^([A-Za-z0-9_.-]+):\/\/(.*)$/.exec(part) ?? []
    if (name === undefined || rest === undefined) {
      throw new ConfigError(`${setting} has ${JSON.stringify(part)}, which is not of the form NAME://host:port`)
    }
    const key = name.toUpperCase()
    if (found.has(key)) throw new ConfigError(`${setting} names ${key} twice`)
    found.set(key, parseEndpoint(setting, rest))
  }
  return found
}

/** TLS and SASL are not there yet; saying so beats talking plain text where the user asked for something else. */
function requirePlainText(names: readonly string[], protocolMap: string | undefined): void {
  const protocols = new Map(['SSL', 'SASL_PLAINTEXT', 'SASL_SSL'].map((protocol) => [protocol, protocol]))
  for (const pair of (protocolMap ?? '').split(',')) {
    const [name, protocol] = pair.split(':').map((piece) => piece.trim().toUpperCase())
    if (name !== undefined && protocol !== undefined && name !== '') protocols.set(name, protocol)
  }
  for (const name of names) {
    const protocol = protocols.get(name) ?? 'PLAINTEXT'
    if (protocol === 'PLAINTEXT') continue
    throw new ConfigError(`listener ${name} asks for ${protocol}, but only PLAINTEXT listeners are supported so far`)
  }
}

function requireOwnPorts(listeners: ReadonlyMap<string, Endpoint>): void {
  const taken = new Map<number, string>()
  for (const [name, { port }] of listeners) {
    const other = taken.get(port)
    if (other !== undefined && port !== 0)
      throw new ConfigError(`listeners ${other} and ${name} have the same port ${port}`)
    taken.set(port, name)
  }
}

function requireReachable(setting: string, host: string, port: number): void {
  if (host === '' || host === everyInterface || host === '::') {
    throw new ConfigError(`${setting} must name a host that clients can reach, not ${JSON.stringify(host)}`)
  }
  if (port === 0) throw new ConfigError(`${setting} must have a port that clients can reach, not 0`)
}
