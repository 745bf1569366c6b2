/** Kafka's rules for topic names (org.apache.kafka.common.internals.Topic), in its own words. */

/** The longest name: with partition number and suffix it must still fit a file name. */
export const topicNameLengthMax = 249

/** What is wrong with a topic's name; undefined where nothing is. */
export function topicNameProblem(name: string): string | undefined {
  const reason = reasonAgainst(name)
  return reason === undefined ? undefined : `Topic name is invalid: ${reason}`
}

function reasonAgainst(name: string): string | undefined {
  if (name === '') return 'the empty string is not allowed'
  if (name === '.') return "'.' is not allowed"
  if (name === '..') return "'..' is not allowed"
  if (name.length > topicNameLengthMax) {
    return `the length of '${name}' is longer than the max allowed length ${topicNameLengthMax}`
  }
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    return `'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
  }
  return undefined
}
