/** The help text of `safka start`: every setting with its default, its environment variable and its meaning. */

import { environmentName, type Setting, settings } from './settings.ts'

/** The whole text, ready to print. */
export function helpText(): string {
  return `Usage: safka start [flags]

Starts a broker. Every flag can also be given as an environment variable, or in a file with --config; flags win over
the environment, that wins over the file. Sizes may be written as 64KiB, 16MiB, 1GiB.

Flags:
${settings.map(paragraph).join('\n')}
  --config FILE                           (SAFKA_CONFIG)
        a properties file with Kafka's names; unknown ones are named in one warning
  --set NAME=VALUE                        (SAFKA_SET, several separated by ;)
        any of Kafka's broker configs, such as --set log.retention.hours=24; may be given several times
  --help
        prints this text
`
}

function paragraph(setting: Setting): string {
  const shown = setting.defaultWords ?? setting.defaultText
  const choices = setting.choices === undefined ? '' : ` (${setting.choices.join(' | ')})`
  const names = [environmentName(setting.flag), setting.fileName].join(', ')
  const head = `  --${setting.flag} ${valueName(setting)}`.padEnd(41)
  return `${head} (${names})\n        ${setting.meaning}${choices}; default: ${shown}`
}

function valueName({ kind, flag }: Setting): string {
  if (kind === 'whole') return 'N'
  if (kind === 'bytes') return 'SIZE'
  if (kind === 'boolean') return 'true|false'
  if (kind === 'choice') return 'NAME'
  return flag === 'data' ? 'DIR' : 'TEXT'
}
