/** Values that generated code fills in where a message says nothing. They are shared: never write into them. */

/** Sixteen zero bytes: "no id". */
export const zeroUuid: Buffer = Buffer.alloc(16)

/** No bytes. */
export const emptyBytes: Buffer = Buffer.alloc(0)

/** True when all bytes of an id are zero. */
export function isZeroUuid(uuid: Buffer): boolean {
  return uuid === zeroUuid || zeroUuid.equals(uuid)
}
