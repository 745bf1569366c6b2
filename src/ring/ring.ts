/** A partition's ring: writers claim, copy and publish entries; the owner moves the cursors behind them. */

import { assert } from '../base/assert.ts'
import { Claims } from './claim.ts'
import { createRing, type RingShape } from './create.ts'
import { ENTRY_TOO_LARGE, isSlot, slotAfter, slotDistance } from './cursor.ts'
import {
  dataBytesMax,
  dataBytesMin,
  dataStart,
  headerLong,
  headerWord,
  noOffsetYet,
  positionWrapUnits,
  ringFormat,
  ringMemoryBytes,
  slotFloat,
  slotsStart,
  slotWord,
  unitBytes,
} from './layout.ts'
import { EntryKind, tagChecked, tagKind, tagSkew, tagWriter, Verdict, verdictOf, writerMax } from './slot.ts'
import { Slots } from './slots.ts'

/** Says whether an entry's checksum is right. Called between claim and publish: it must not throw. */
export type EntryCheck = (source: Buffer, start: number) => boolean

/** Views a ring. Each thread makes its own view of the shared memory; the owner's view also keeps what only it needs. */
export class Ring {
  readonly dataBytes: number
  readonly slotCount: number
  /** The longest entry: half of the data, so that an empty ring always has room for it, wherever its end is. */
  readonly entryBytesMax: number

  readonly #claims: Claims
  readonly #slots: Slots
  readonly #header: Int32Array
  readonly #headerLongs: BigInt64Array
  readonly #data: Buffer
  readonly #dataUnits: number
  readonly #wrapUnits: number
  // The owner's: the last offset given so far, and bytes retired since the ring was made.
  #lastOffset = noOffsetYet
  #headBytes = 0

  /** Shared memory for an empty ring. Untouched pages cost nothing. */
  static create(shape: RingShape): SharedArrayBuffer {
    return createRing(shape)
  }

  constructor(memory: SharedArrayBuffer) {
    const header = new Int32Array(memory, 0, slotsStart / 4)
    assert(header[headerWord.format] === ringFormat, 'this memory is no ring')
    this.slotCount = header[headerWord.slotCount] ?? 0
    this.dataBytes = header[headerWord.dataBytes] ?? 0
    assert(this.dataBytes >= dataBytesMin && this.dataBytes <= dataBytesMax, 'the ring has an impossible size')
    assert(memory.byteLength === ringMemoryBytes(this.dataBytes, this.slotCount), 'the ring was cut')
    this.entryBytesMax = this.dataBytes / 2
    this.#header = header
    this.#headerLongs = new BigInt64Array(memory, 0, slotsStart / 8)
    this.#data = Buffer.from(memory, dataStart(this.slotCount), this.dataBytes)
    this.#dataUnits = this.dataBytes / unitBytes
    this.#wrapUnits = positionWrapUnits(this.dataBytes)
    this.#slots = new Slots(memory, this.slotCount)
    this.#claims = new Claims(memory, this.dataBytes, this.#slots)
  }

  /**
   * Appends `source[start, end)` as one entry: claim, copy and publish in one synchronous call, so that a thread's appends
   * are in order. Answers the slot number, or RING_FULL, RING_SEALED or ENTRY_TOO_LARGE, which leave no trace. Ring the
   * owner's bell afterwards. What passes `check` is marked, so that the owner need not compare its checksum again.
   */
  append(
    source: Buffer,
    start: number,
    end: number,
    writer: number,
    kind: EntryKind = EntryKind.data,
    check?: EntryCheck,
  ): number {
    assert(start >= 0 && start < end, 'an entry must have a length')
    assert(end <= source.length, 'the entry ends beyond its source')
    // Target and source at the same place modulo 8 bytes: copying is 2 to 5 times as fast.
    const slot = this.claim(end - start, writer, kind, (source.byteOffset + start) & (unitBytes - 1))
    if (!isSlot(slot)) return slot
    this.copy(slot, source, start, end)
    // Only once there is room: a writer that waits would compute it again and again.
    if (check?.(source, start)) this.#slots.addToTag(slot, tagChecked)
    this.publish(slot)
    return slot
  }

  /**
   * Takes a slot and room for `length` bytes, `skew` (0–7) bytes after a multiple of 8. Publish what you claim: nothing
   * behind it moves before. For simulations that step between claim and publish; everyone else calls `append`.
   */
  claim(length: number, writer: number, kind: EntryKind = EntryKind.data, skew = 0): number {
    assert(length > 0, 'an entry must have a length')
    assert(writer >= 0 && writer <= writerMax, 'there is no such writer')
    assert(kind !== EntryKind.padding, 'padding is the ring’s own')
    if (length > this.entryBytesMax) return ENTRY_TOO_LARGE
    // The longest entries go without skew: with it they might never fit.
    const ownSkew = skew + length > this.entryBytesMax ? 0 : skew
    const room = (ownSkew + length + unitBytes - 1) >>> 3
    return this.#claims.claim(room, length, kind, ownSkew, writer)
  }

  /** Copies the entry's bytes into the room of a slot that this thread claimed for just as many. */
  copy(slot: number, source: Buffer, start: number, end: number): void {
    assert(end - start === this.length(slot), 'the entry is not what was claimed')
    source.copy(this.#data, this.#dataIndex(slot), start, end)
  }

  /** Shows a claimed and filled slot to the owner. */
  publish(slot: number): void {
    this.#slots.publish(slot)
  }

  /** Whether the slot number has been published; false also where a later lap took its place. */
  isPublished(slot: number): boolean {
    return this.#slots.isPublished(slot)
  }

  /** Closes the ring: every claim from now on fails with RING_SEALED. What was claimed is still published and served. */
  seal(): void {
    this.#claims.seal()
  }

  isSealed(): boolean {
    return this.#claims.isSealed()
  }

  /** Whether the ring is sealed and all that was claimed in it is readable. */
  isDrained(): boolean {
    // Only once the seal is seen is `claimed` final.
    if (!this.isSealed()) return false
    return this.readable() === this.claimed()
  }

  /** The next slot number to be claimed. All cursors are exclusive: the slots before them are done. */
  claimed(): number {
    return this.#claims.claimed()
  }

  stamped(): number {
    return Atomics.load(this.#header, headerWord.stamped)
  }

  written(): number {
    return Atomics.load(this.#header, headerWord.written)
  }

  synced(): number {
    return Atomics.load(this.#header, headerWord.synced)
  }

  readable(): number {
    return Atomics.load(this.#header, headerWord.readable)
  }

  retired(): number {
    return Atomics.load(this.#header, headerWord.retired)
  }

  /**
   * The owner has decided on all slots before `slot`, and set the offsets of the accepted ones. Slots that take no offsets
   * get the last offset before them as `lastOffset` here, so that the search by offset finds all slots in order.
   */
  setStamped(slot: number): void {
    const stamped = this.stamped()
    assert(slotDistance(stamped, slot) >= 0, 'a cursor must not go back')
    for (let at = stamped; at !== slot; at = slotAfter(at)) this.#keepOrder(at)
    this.#advance(headerWord.stamped, slot, this.claimed())
  }

  setWritten(slot: number): void {
    this.#advance(headerWord.written, slot, this.stamped())
  }

  setSynced(slot: number): void {
    this.#advance(headerWord.synced, slot, this.written())
  }

  /** Shows all slots before `slot` to readers and to those who wait for their outcome. */
  setReadable(slot: number): void {
    this.#advance(headerWord.readable, slot, this.written())
  }

  /** Gives the room of all slots before `toSlot` back to the writers. Each must be readable and answered. */
  retire(toSlot: number): void {
    const retired = this.retired()
    const count = slotDistance(retired, toSlot)
    assert(count >= 0, 'a cursor must not go back')
    assert(slotDistance(toSlot, this.readable()) >= 0, 'retired must not pass readable')
    if (count === 0) return
    for (let at = retired; at !== toSlot; at = slotAfter(at)) {
      assert(this.isAnswered(at), 'an unanswered slot must not be retired')
    }
    const last = slotAfter(toSlot, -1)
    const retiredPosition = Atomics.load(this.#header, headerWord.retiredPosition)
    const positionNext = (this.#slots.get(last, slotWord.position) + this.#slots.roomUnits(last)) % this.#wrapUnits
    const startOffset = this.lastOffset(last) + 1
    if (startOffset > 0) Atomics.store(this.#headerLongs, headerLong.startOffset, BigInt(startOffset))
    // The exchange comes before anything that lets writers in: a reader that still finds the old value after copying
    // has copied what nobody wrote over.
    Atomics.exchange(this.#header, headerWord.retired, toSlot)
    Atomics.store(this.#header, headerWord.retiredPosition, positionNext)
    this.#headBytes += this.#claims.unitsBetween(retiredPosition, positionNext) * unitBytes
  }

  /** `retired`, read so that nothing this thread read before can have been read after it: the reader's re-check. */
  recheckRetired(): number {
    return Atomics.add(this.#header, headerWord.retired, 0)
  }

  /** The first offset that can still be in the ring; -1 while nothing was ever accepted in it. */
  startOffset(): number {
    return Number(Atomics.load(this.#headerLongs, headerLong.startOffset))
  }

  /** Bytes that are claimed and not yet retired. */
  usedBytes(): number {
    const retiredPosition = Atomics.load(this.#header, headerWord.retiredPosition)
    return this.#claims.unitsBetween(retiredPosition, this.#claims.claimedPosition()) * unitBytes
  }

  /** Slots that are claimed and not yet retired. */
  usedSlots(): number {
    const retired = this.retired()
    return slotDistance(retired, this.claimed())
  }

  /** Bytes retired since the ring was made, ever growing. Known to the owner's view only. */
  headBytes(): number {
    return this.#headBytes
  }

  /** Throws where the cursors are out of order. */
  assertOrder(): void {
    // Low to high: high to low, a cursor that moves meanwhile gives false alarms.
    const retired = this.retired()
    const readable = this.readable()
    const synced = this.synced()
    const written = this.written()
    const stamped = this.stamped()
    const claimed = this.claimed()
    assert(slotDistance(retired, readable) >= 0, 'retired passed readable')
    assert(slotDistance(readable, written) >= 0, 'readable passed written')
    assert(slotDistance(synced, written) >= 0, 'synced passed written')
    assert(slotDistance(written, stamped) >= 0, 'written passed stamped')
    assert(slotDistance(stamped, claimed) >= 0, 'stamped passed claimed')
  }

  kind(slot: number): EntryKind {
    return tagKind(this.#slots.get(slot, slotWord.tag))
  }

  writer(slot: number): number {
    return tagWriter(this.#slots.get(slot, slotWord.tag))
  }

  /** Whether the claimer found the entry's checksum right. */
  isChecked(slot: number): boolean {
    return (this.#slots.get(slot, slotWord.tag) & tagChecked) !== 0
  }

  /** Bytes of the entry; of padding, the bytes left out. */
  length(slot: number): number {
    return this.#slots.get(slot, slotWord.length)
  }

  /** Where the entry's first byte lies within the ring's data. */
  position(slot: number): number {
    return this.#dataIndex(slot)
  }

  /** The entry's bytes themselves, in shared memory: valid until the slot is retired. */
  view(slot: number): Buffer {
    const index = this.#dataIndex(slot)
    return this.#data.subarray(index, index + this.length(slot))
  }

  /** Copies the entry's bytes to `target` and answers how many; 0 where they cannot be right, being overwritten just now. */
  copyOut(slot: number, target: Buffer, targetStart: number): number {
    const index = this.#dataIndex(slot)
    const length = this.length(slot)
    if (length <= 0 || index + length > this.dataBytes || targetStart + length > target.length) return 0
    return this.#data.copy(target, targetStart, index, index + length)
  }

  /** Whether the slot holds records of the log: accepted, and neither padding nor a note to the owner. */
  isInLog(slot: number): boolean {
    if (this.#slots.get(slot, slotWord.verdict) !== Verdict.accepted) return false
    const kind = this.kind(slot)
    return kind === EntryKind.data || kind === EntryKind.marker
  }

  /** The offset that a produce is answered with. */
  baseOffset(slot: number): number {
    return this.#slots.getFloat(slot, slotFloat.baseOffset)
  }

  setBaseOffset(slot: number, offset: number): void {
    this.#slots.setFloat(slot, slotFloat.baseOffset, offset)
  }

  /** The entry's last offset; of entries that take no offsets, the last one before (once stamped). */
  lastOffset(slot: number): number {
    return this.#slots.getFloat(slot, slotFloat.lastOffset)
  }

  setLastOffset(slot: number, offset: number): void {
    this.#slots.setFloat(slot, slotFloat.lastOffset, offset)
  }

  maxTimestamp(slot: number): number {
    return this.#slots.getFloat(slot, slotFloat.maxTimestamp)
  }

  setMaxTimestamp(slot: number, timestampMs: number): void {
    this.#slots.setFloat(slot, slotFloat.maxTimestamp, timestampMs)
  }

  /** Milliseconds, or -1 where the topic keeps its producers' timestamps; of a refused batch, when it was looked at. */
  logAppendTime(slot: number): number {
    return this.#slots.getFloat(slot, slotFloat.logAppendTime)
  }

  setLogAppendTime(slot: number, timestampMs: number): void {
    this.#slots.setFloat(slot, slotFloat.logAppendTime, timestampMs)
  }

  verdict(slot: number): Verdict {
    return verdictOf(this.#slots.get(slot, slotWord.verdict))
  }

  setVerdict(slot: number, verdict: Verdict): void {
    this.#slots.set(slot, slotWord.verdict, verdict)
  }

  /** The Kafka error code that a produce is answered with; readable from `readable` on. */
  outcome(slot: number): number {
    return this.#slots.get(slot, slotWord.outcome)
  }

  setOutcome(slot: number, errorCode: number): void {
    this.#slots.set(slot, slotWord.outcome, errorCode)
  }

  isAnswered(slot: number): boolean {
    return this.#slots.isAnswered(slot)
  }

  /** The writer has read the outcome, or will never look at it: the slot may be retired. */
  markAnswered(slot: number): void {
    this.#slots.markAnswered(slot)
  }

  #keepOrder(slot: number): void {
    assert(this.isPublished(slot), 'an unpublished slot must not be stamped')
    if (!this.isInLog(slot)) {
      const isDecided = this.kind(slot) === EntryKind.padding || this.verdict(slot) !== Verdict.pending
      assert(isDecided, 'a slot must be decided on before it is stamped')
      this.setLastOffset(slot, this.#lastOffset)
      return
    }
    const baseOffset = this.baseOffset(slot)
    assert(baseOffset > this.#lastOffset, 'offsets must grow')
    assert(this.lastOffset(slot) >= baseOffset, 'a batch must end after its start')
    if (this.#lastOffset === noOffsetYet && this.startOffset() === noOffsetYet) {
      Atomics.store(this.#headerLongs, headerLong.startOffset, BigInt(baseOffset))
    }
    this.#lastOffset = this.lastOffset(slot)
  }

  #advance(word: number, slot: number, limit: number): void {
    assert(slotDistance(this.#header[word] ?? 0, slot) >= 0, 'a cursor must not go back')
    assert(slotDistance(slot, limit) >= 0, 'a cursor must not pass the one before it')
    Atomics.store(this.#header, word, slot)
  }

  #dataIndex(slot: number): number {
    const units = this.#slots.get(slot, slotWord.position) % this.#dataUnits
    return units * unitBytes + tagSkew(this.#slots.get(slot, slotWord.tag))
  }
}
