/** Reads Java's properties format, as Kafka's server.properties has it. */

/**
 * The names and values of a properties file, in order of appearance; a name given twice has its last value.
 * Damaged escapes are kept as they are written, as Java's reader would for unknown ones.
 */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>()
  for (const line of logicalLines(text)) {
    const { name, value } = splitLine(line)
    if (name !== '') properties.set(withoutEscapes(name), withoutEscapes(value))
  }
  return properties
}

/** Lines without comments, with those that end in a backslash joined to their next. */
function logicalLines(text: string): string[] {
  const lines: string[] = []
  let open: string | undefined
  for (const natural of text.split(/\r\n|\n|\r/)) {
    const trimmed = natural.replace(/^[ \t\f]+/, '')
    if (open === undefined && (trimmed === '' || trimmed.startsWith('#') || trimmed.startsWith('!'))) continue
    const joined = (open ?? '') + trimmed
    const backslashes = /\\*$/.exec(joined)?.[0].length ?? 0
    if (backslashes % 2 === 1) {
      open = joined.slice(0, -1)
      continue
    }
    lines.push(joined)
    open = undefined
  }
  if (open !== undefined) lines.push(open)
  return lines
}

/** The name ends at the first `=`, `:` or blank that no backslash stands before. */
function splitLine(line: string): { name: string; value: string } {
  let end = 0
  while (end < line.length && !/[=: \t\f]/.test(line.charAt(end))) end += line.charAt(end) === '\\' ? 2 : 1
  const rest = line.slice(end).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '')
  return { name: line.slice(0, end), value: rest.trimEnd() }
}

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

function withoutEscapes(text: string): string {
  return text.replaceAll(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g, (_whole, code: string | undefined, character: string) =>
    code === undefined ? (escapes[character] ?? character) : String.fromCharCode(Number.parseInt(code, 16)),
  )
}
