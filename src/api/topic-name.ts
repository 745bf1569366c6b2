/** Which names a topic may have: Kafka's rule. */

const topicNameCharactersMax = 249
const legal = /^[a-zA-Z0-9._-]+$/

export function isTopicNameValid(name: string): boolean {
  return name !== '.' && name !== '..' && name.length <= topicNameCharactersMax && legal.test(name)
}
