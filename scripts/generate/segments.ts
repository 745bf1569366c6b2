/** Cuts a field's versions into stretches in which it is coded alike, and turns those into version branches. */

import { type Field, includes, type Message } from './schema.ts'

/** How a field is coded in the versions `min` to `max`. */
export type Segment = {
  readonly min: number
  readonly max: number
  readonly isPresent: boolean
  readonly isFlexible: boolean
  readonly isNullable: boolean
}

/** The stretches of `message`'s versions, newest first. A tagged field is absent: it is not coded in line. */
export function segmentsOf(message: Message, field: Field): Segment[] {
  const segments: Segment[] = []
  for (let version = message.versions.max; version >= message.versions.min; version--) {
    const segment: Segment = {
      min: version,
      max: version,
      isPresent: includes(field.versions, version) && field.tag === undefined,
      isFlexible: version >= message.flexibleMin && !field.isNeverFlexible && dependsOnFlexible(field),
      isNullable: includes(field.nullable, version),
    }
    const last = segments.at(-1)
    if (last !== undefined && isAlike(last, segment)) segments[segments.length - 1] = { ...last, min: version }
    else segments.push(segment)
  }
  return segments
}

function dependsOnFlexible(field: Field): boolean {
  return field.type.kind === 'array' || (field.type.kind === 'primitive' && isSized(field.type.name))
}

/** True for types whose length is coded differently in flexible versions. */
export function isSized(primitive: string): boolean {
  return primitive === 'string' || primitive === 'bytes' || primitive === 'records'
}

function isAlike(first: Segment, second: Segment): boolean {
  if (!first.isPresent && !second.isPresent) return true
  return (
    first.isPresent === second.isPresent &&
    first.isFlexible === second.isFlexible &&
    first.isNullable === second.isNullable
  )
}

/** `version >= 9 ? a : version >= 4 ? b : c`, for segments from the newest on. */
export function ternary(segments: readonly Segment[], emit: (segment: Segment) => string): string {
  return segments
    .map((segment, index) =>
      index === segments.length - 1 ? emit(segment) : `version >= ${segment.min} ? ${emit(segment)} : `,
    )
    .join('')
}

/** An if-chain over the segments; a segment that emits '' does nothing. */
export function ifChain(segments: readonly Segment[], indent: string, emit: (segment: Segment) => string): string {
  const branches = segments.map((segment) => ({ segment, body: emit(segment) }))
  while (branches.at(-1)?.body === '') branches.pop()
  if (branches.length === 0) return ''
  const [first] = branches
  if (segments.length === 1 && first !== undefined) return shift(first.body, indent)
  const oldest = segments.at(-1)
  let code = indent
  branches.forEach(({ segment, body }, index) => {
    const isLast = index === branches.length - 1
    const head = isLast && segment === oldest ? '{' : `if (version >= ${segment.min}) {`
    code += `${head}\n${shift(body, `${indent}  `)}${indent}}${isLast ? '\n' : ' else '}`
  })
  return code
}

/** The lines of `code`, each behind `indent`. */
export function shift(code: string, indent: string): string {
  return code.replace(/^(?=.)/gm, indent)
}
