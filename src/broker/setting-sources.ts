/** Gathers the settings that were given: by flags first, then environment variables, then a properties file. */

import { readFileSync } from 'node:fs'
import { errnoOf, messageOf } from '../base/errors.ts'
import { brokerConfigs } from '../coordinator/configs/definitions.ts'
import { configValueProblem } from '../coordinator/configs/validate.ts'
import { ConfigError } from './config-error.ts'
import { parseProperties } from './properties.ts'
import { environmentName, type Setting, settings } from './settings.ts'

/** Where a value comes from; the lower number wins. */
export const sourceRank = { flag: 0, environment: 1, file: 2 } as const

/** A value as given, with the words that an error names it by: `--port`, `SAFKA_PORT`, `num.partitions in FILE`. */
export type GivenValue = { readonly text: string; readonly rank: number; readonly words: string }

/** Everything that was given. */
export type GivenSettings = {
  /** By flag, the value that counts. */
  readonly byFlag: ReadonlyMap<string, GivenValue>
  /** Kafka's broker configs that are no flag of Safka's, as given, by name. */
  readonly kafka: ReadonlyMap<string, string>
  /** Sentences for the log: names that nobody knows. */
  readonly warnings: readonly string[]
}

/** What settings are read from. */
export type SettingInputs = {
  /** What stands after `start` on the command line. */
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly readText?: (path: string) => string
}

/** Other names that Kafka has for the same setting; the setting's own name wins. */
const otherFileNames: Readonly<Record<string, string>> = { 'log.dir': 'log.dirs', 'broker.id': 'node.id' }
/** Environment variables of other commands and of the project's tests, which are no settings of a broker. */
const foreignEnvironment = /^SAFKA_(BROKER$|TEST_|CLIENT_|DEMO_)/

const settingByFlag: ReadonlyMap<string, Setting> = new Map(settings.map((setting) => [setting.flag, setting]))
const settingByFileName: ReadonlyMap<string, Setting> = new Map(settings.map((setting) => [setting.fileName, setting]))

/** Reads all sources. Throws ConfigError for an unknown flag, a flag without a value, and a file that cannot be read. */
export function gatherSettings({ argv, environment, readText = readTextFile }: SettingInputs): GivenSettings {
  const byFlag = new Map<string, GivenValue>()
  const kafka = new Map<string, string>()
  const warnings: string[] = []
  const flags = parseFlags(argv)
  for (const [flag, text] of flags.values) byFlag.set(flag, { text, rank: sourceRank.flag, words: `--${flag}` })
  addEnvironment(environment, byFlag, warnings)

  const path = flags.configPath ?? environment[environmentName('config')]
  if (path !== undefined && path !== '') addFile({ path, readText, byFlag, kafka, warnings })
  const pairs = [
    ...(environment[environmentName('set')] ?? '').split(';').filter((pair) => pair.trim() !== ''),
    ...flags.pairs,
  ]
  for (const pair of pairs) addPair(pair, byFlag, kafka)
  return { byFlag, kafka, warnings }
}

type Flags = { values: Map<string, string>; pairs: string[]; configPath: string | undefined }

function parseFlags(argv: readonly string[]): Flags {
  const flags: Flags = { values: new Map(), pairs: [], configPath: undefined }
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? ''
    const [, flag, inline] = /^--([a-z][a-z-]*)(?:=([\s\S]*))?$/.exec(argument) ?? []
    if (flag === undefined) throw new ConfigError(`${JSON.stringify(argument)} is not a flag; --help lists them`)
    const setting = settingByFlag.get(flag)
    if (setting === undefined && flag !== 'config' && flag !== 'set')
      throw new ConfigError(`there is no flag --${flag}; --help lists them`)
    const next = argv[index + 1]
    // A flag that stands alone means true, which only makes sense for a boolean.
    const isAlone = inline === undefined && (next === undefined || next.startsWith('--'))
    if (isAlone && setting?.kind !== 'boolean') throw new ConfigError(`--${flag} needs a value`)
    const text = inline ?? (isAlone ? 'true' : (next ?? ''))
    if (inline === undefined && !isAlone) index += 1
    if (flag === 'config') flags.configPath = text
    else if (flag === 'set') flags.pairs.push(text)
    else flags.values.set(flag, text)
  }
  return flags
}

function addEnvironment(
  environment: SettingInputs['environment'],
  byFlag: Map<string, GivenValue>,
  warnings: string[],
): void {
  const known = new Set(['config', 'set'].map(environmentName))
  for (const { flag } of settings) {
    const name = environmentName(flag)
    known.add(name)
    const text = environment[name]
    if (text === undefined || text === '' || byFlag.has(flag)) continue
    byFlag.set(flag, { text, rank: sourceRank.environment, words: name })
  }
  const unknown = Object.keys(environment).filter(
    (name) => name.startsWith('SAFKA_') && !known.has(name) && !foreignEnvironment.test(name),
  )
  if (unknown.length > 0) warnings.push(`unknown environment variables are ignored: ${unknown.sort().join(', ')}`)
}

type FileSource = {
  path: string
  readText: (path: string) => string
  byFlag: Map<string, GivenValue>
  kafka: Map<string, string>
  warnings: string[]
}

function addFile({ path, readText, byFlag, kafka, warnings }: FileSource): void {
  const unknown: string[] = []
  const properties = parseProperties(readConfigFile(path, readText))
  for (const [name, text] of properties) {
    const ownName = otherFileNames[name]
    if (ownName !== undefined && properties.has(ownName)) continue
    const setting = settingByFileName.get(ownName ?? name)
    if (setting !== undefined) {
      const isGiven = byFlag.has(setting.flag) || text === ''
      if (!isGiven) byFlag.set(setting.flag, { text, rank: sourceRank.file, words: `${name} in ${path}` })
    } else if (brokerConfigs.has(name)) {
      kafka.set(name, checkedValue(name, text, `in ${path}`))
    } else {
      unknown.push(name)
    }
  }
  if (unknown.length > 0) warnings.push(`unknown settings in ${path} are ignored: ${unknown.join(', ')}`)
}

/** `name=value` for any of Kafka's broker configs; given by hand, so an unknown name is refused. */
function addPair(pair: string, byFlag: Map<string, GivenValue>, kafka: Map<string, string>): void {
  const at = pair.indexOf('=')
  const name = pair.slice(0, at).trim()
  if (at < 1) throw new ConfigError(`--set needs name=value, not ${JSON.stringify(pair)}`)
  const text = pair.slice(at + 1).trim()
  const setting = settingByFileName.get(otherFileNames[name] ?? name)
  if (setting !== undefined) {
    const present = byFlag.get(setting.flag)
    if (present === undefined || present.rank > sourceRank.flag) {
      byFlag.set(setting.flag, { text, rank: sourceRank.flag, words: `--set ${name}` })
    }
    return
  }
  if (!brokerConfigs.has(name)) throw new ConfigError(`--set names ${name}, which is not one of Kafka's broker configs`)
  kafka.set(name, checkedValue(name, text, 'given with --set'))
}

function checkedValue(name: string, text: string, where: string): string {
  const definition = brokerConfigs.get(name)
  const problem = definition === undefined ? undefined : configValueProblem(definition, text)
  if (problem !== undefined) throw new ConfigError(`${problem} (${where})`)
  return text
}

function readConfigFile(path: string, readText: (path: string) => string): string {
  try {
    return readText(path)
  } catch (thrown) {
    const why = errnoOf(thrown) === 'ENOENT' ? 'there is no such file' : messageOf(thrown)
    throw new ConfigError(`the config file ${path} cannot be read: ${why}`, { cause: thrown })
  }
}

function readTextFile(path: string): string {
  return readFileSync(path, 'utf8')
}
