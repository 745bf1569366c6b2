/** The table of the broker's settings: each with its flag, its name in a properties file, default, limits and meaning. */

/** What values a setting takes. Sizes in bytes may be written with KiB, MiB or GiB. */
export type SettingKind = 'text' | 'whole' | 'bytes' | 'boolean' | 'choice'

/** One setting. Its environment variable is SAFKA_ and the flag in capitals, with `_` for `-`. */
export type Setting = {
  /** Without the two dashes. */
  readonly flag: string
  /** Its name in a properties file: Kafka's own where Kafka has such a config. */
  readonly fileName: string
  readonly kind: SettingKind
  /** '' where the default is worked out, or there is none. */
  readonly defaultText: string
  /** How the help describes a default that is worked out. */
  readonly defaultWords?: string
  readonly min?: number
  readonly max?: number
  readonly choices?: readonly string[]
  readonly meaning: string
}

const kibibyte = 1024
const mebibyte = 1024 * kibibyte
const gibibyte = 1024 * mebibyte

export const settings = [
  {
    flag: 'host',
    fileName: 'safka.host',
    kind: 'text',
    defaultText: '0.0.0.0',
    meaning: 'interface to listen on',
  },
  {
    flag: 'port',
    fileName: 'safka.port',
    kind: 'whole',
    defaultText: '9000',
    min: 0,
    max: 65_535,
    meaning: 'port to listen on; 0 lets the system choose one',
  },
  {
    flag: 'listeners',
    fileName: 'listeners',
    kind: 'text',
    defaultText: '',
    defaultWords: 'PLAINTEXT://HOST:PORT',
    meaning: 'several listeners instead of host and port: NAME://host:port,NAME://host:port',
  },
  {
    flag: 'advertised-listeners',
    fileName: 'advertised.listeners',
    kind: 'text',
    defaultText: '',
    defaultWords: 'the address that a client dialled',
    meaning: 'what each listener tells clients to connect to: NAME://host:port,…',
  },
  {
    flag: 'advertised',
    fileName: 'safka.advertised',
    kind: 'text',
    defaultText: '',
    defaultWords: 'the address that a client dialled',
    meaning: 'the same for the first listener only: host:port, or a host',
  },
  {
    flag: 'storage',
    fileName: 'safka.storage',
    kind: 'choice',
    defaultText: 'local',
    choices: ['local', 'memory', 'ring'],
    meaning:
      'where topics keep their records unless they say otherwise: segments on disk, in memory, or in a fixed ring',
  },
  {
    flag: 'data',
    fileName: 'log.dirs',
    kind: 'text',
    defaultText: 'data',
    meaning: 'folder of the segments on disk',
  },
  {
    flag: 'owners',
    fileName: 'safka.owners',
    kind: 'whole',
    defaultText: '',
    defaultWords: 'cores - 1, at least 1; a container’s CPU quota counts',
    min: 0,
    max: 64,
    meaning: 'threads that own partitions; 0 runs everything in one thread',
  },
  {
    flag: 'fronts',
    fileName: 'safka.fronts',
    kind: 'whole',
    defaultText: '1',
    min: 1,
    // A writer's interest in a partition is one bit of 31, and main is a writer too.
    max: 30,
    meaning: 'threads that serve connections',
  },
  {
    flag: 'partitions',
    fileName: 'num.partitions',
    kind: 'whole',
    defaultText: '1',
    min: 1,
    max: 10_000,
    meaning: 'partitions of a topic that is created without a number',
  },
  {
    flag: 'auto-create-topics',
    fileName: 'auto.create.topics.enable',
    kind: 'boolean',
    defaultText: 'true',
    meaning: 'create a topic when a client first asks for it',
  },
  {
    flag: 'sync',
    fileName: 'safka.sync',
    kind: 'choice',
    defaultText: 'never',
    choices: ['never', 'interval', 'every'],
    meaning: 'when written data is synced to disk: left to the system, now and then, or before each answer',
  },
  {
    flag: 'sync-interval-ms',
    fileName: 'safka.sync.interval.ms',
    kind: 'whole',
    defaultText: '1000',
    min: 1,
    max: 3_600_000,
    meaning: 'how often `--sync interval` syncs',
  },
  {
    flag: 'ring-bytes',
    fileName: 'safka.ring.bytes',
    kind: 'bytes',
    defaultText: '16777216',
    min: 64 * kibibyte,
    max: gibibyte,
    meaning: 'size of the ring of a partition whose storage is `ring`',
  },
  {
    flag: 'ring-bytes-max',
    fileName: 'safka.ring.bytes.max',
    kind: 'bytes',
    // Holds five 1 MiB batches in flight from each of three clients; larger batches are written straight through.
    defaultText: '16777216',
    min: 256 * kibibyte,
    max: gibibyte,
    meaning: 'largest ring of a partition whose storage is not `ring`',
  },
  {
    flag: 'ring-memory-bytes-max',
    fileName: 'safka.ring.memory.bytes.max',
    kind: 'bytes',
    defaultText: '268435456',
    min: 4 * mebibyte,
    max: 1024 * gibibyte,
    meaning: 'memory of all rings together; beyond it, writers to idle partitions wait',
  },
  {
    flag: 'memory-bytes-max',
    fileName: 'safka.memory.bytes.max',
    kind: 'bytes',
    defaultText: '536870912',
    min: mebibyte,
    max: 1024 * gibibyte,
    meaning: 'memory of all topics whose storage is `memory`; the oldest segments go first',
  },
  {
    flag: 'node-id',
    fileName: 'node.id',
    kind: 'whole',
    defaultText: '1',
    min: 0,
    max: 2_147_483_647,
    meaning: 'the broker’s id',
  },
  {
    flag: 'request-bytes-max',
    fileName: 'socket.request.max.bytes',
    kind: 'bytes',
    defaultText: '104857600',
    min: kibibyte,
    max: 2 * gibibyte - 1,
    meaning: 'largest request; a larger one closes its connection',
  },
  {
    flag: 'connections-max',
    fileName: 'max.connections',
    kind: 'whole',
    defaultText: '10000',
    min: 1,
    max: 2_147_483_647,
    meaning: 'connections of a front at once; one more is closed at once',
  },
  {
    flag: 'half-received-bytes-max',
    fileName: 'safka.half.received.bytes.max',
    kind: 'bytes',
    defaultText: '268435456',
    min: kibibyte,
    max: 1024 * gibibyte,
    meaning: 'memory of a front for requests that have not arrived in full',
  },
  {
    flag: 'parked-fetches-max',
    fileName: 'safka.parked.fetches.max',
    kind: 'whole',
    defaultText: '20000',
    min: 1,
    max: 10_000_000,
    meaning: 'fetches of a front that wait for data; one more is answered at once',
  },
  {
    flag: 'fetch-bytes-max',
    fileName: 'fetch.max.bytes',
    kind: 'bytes',
    defaultText: '57671680',
    min: kibibyte,
    max: 2 * gibibyte - 1,
    meaning: 'largest fetch answer, whatever the client asks for',
  },
  {
    flag: 'fetch-sessions-max',
    fileName: 'max.incremental.fetch.session.cache.slots',
    kind: 'whole',
    defaultText: '1000',
    min: 0,
    max: 1_000_000,
    meaning: 'fetch sessions that a front remembers',
  },
  {
    flag: 'group-initial-rebalance-delay-ms',
    fileName: 'group.initial.rebalance.delay.ms',
    kind: 'whole',
    defaultText: '0',
    min: 0,
    max: 2_147_483_647,
    meaning: 'how long an empty group waits for more members after its first',
  },
  {
    flag: 'group-member-free-on-close',
    fileName: 'safka.group.member.free.on.close',
    kind: 'boolean',
    defaultText: 'false',
    meaning: 'a group member leaves as soon as the connection on which it joined closes, not when its session ends',
  },
  {
    flag: 'log-level',
    fileName: 'safka.log.level',
    kind: 'choice',
    defaultText: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    meaning: 'which lines the broker prints about itself, on standard error',
  },
] as const satisfies readonly Setting[]

/** The flag of a setting. */
export type SettingFlag = (typeof settings)[number]['flag']

/** The environment variable that stands for a flag. */
export function environmentName(flag: string): string {
  return `SAFKA_${flag.toUpperCase().replaceAll('-', '_')}`
}
