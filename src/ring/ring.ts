/** A partition's ring: writers claim, copy and publish entries; the owner moves the cursors behind them. */

import { assert } from '../base/assert.ts'
import { ClaimWord } from './claim.ts'
import { ENTRY_TOO_LARGE, isSlot, RING_FULL, RING_SEALED, slotAfter, slotDistance } from './cursor.ts'
import {
  dataBytesMax,
  dataBytesMin,
  dataStart,
  defaultSlotCount,
  headerLong,
  headerWord,
  positionWrapUnits,
  powerOfTwoFrom,
  ringDataBytes,
  ringFormat,
  ringMemoryBytes,
  slotBytes,
  slotCountMax,
  slotCountMin,
  slotFloat,
  slotFloats,
  slotsStart,
  slotWord,
  slotWords,
  unitBytes,
} from './layout.ts'
import { EntryKind, packTag, tagKind, tagSkew, tagWriter, Verdict, verdictOf, writerMax } from './slot.ts'

/** The shape of a new ring. */
export type RingShape = {
  /** Data bytes, rounded up to a multiple of 64, between 64 and 2^30. */
  readonly dataBytes: number
  /** Slots, rounded up to a power of two, between 2 and 65,536; by default one for each 512 data bytes. */
  readonly slots?: number
  /** Where slot numbers and positions start: tests begin just before they wrap. */
  readonly firstSlot?: number
  readonly firstPositionUnits?: number
}

const noOffsetYet = -1

/** Views a ring. Each thread makes its own view of the shared memory; the owner's view also keeps what only it needs. */
export class Ring {
  readonly dataBytes: number
  readonly slotCount: number
  /** The longest entry: half of the data, so that an empty ring always has room for it, wherever its end is. */
  readonly entryBytesMax: number

  readonly #claim: ClaimWord
  readonly #header: Int32Array
  readonly #headerLongs: BigInt64Array
  readonly #words: Int32Array
  readonly #floats: Float64Array
  readonly #data: Buffer
  readonly #dataUnits: number
  readonly #wrapUnits: number
  readonly #lapShift: number
  // The owner's: the last offset given so far, and bytes retired since the ring was made.
  #lastOffset = noOffsetYet
  #headBytes = 0

  /** Shared memory for an empty ring. Untouched pages cost nothing. */
  static create(shape: RingShape): SharedArrayBuffer {
    const dataBytes = ringDataBytes(shape.dataBytes)
    const slotsWanted = shape.slots ?? defaultSlotCount(dataBytes)
    const slotCount = powerOfTwoFrom(Math.min(Math.max(slotsWanted, slotCountMin), slotCountMax))
    const memory = new SharedArrayBuffer(ringMemoryBytes(dataBytes, slotCount))
    const header = new Int32Array(memory, 0, slotsStart / 4)
    const firstSlot = (shape.firstSlot ?? 0) | 0
    const firstPosition = shape.firstPositionUnits ?? 0
    assert(firstPosition >= 0 && firstPosition < positionWrapUnits(dataBytes), 'the first position is out of range')
    header[headerWord.format] = ringFormat
    header[headerWord.slotCount] = slotCount
    header[headerWord.dataBytes] = dataBytes
    header[headerWord.claimLow] = firstPosition
    header[headerWord.claimHigh] = firstSlot
    header[headerWord.stamped] = firstSlot
    header[headerWord.written] = firstSlot
    header[headerWord.synced] = firstSlot
    header[headerWord.readable] = firstSlot
    header[headerWord.retired] = firstSlot
    header[headerWord.retiredPosition] = firstPosition
    new BigInt64Array(memory)[headerLong.startOffset] = BigInt(noOffsetYet)
    return memory
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
    this.#words = new Int32Array(memory, slotsStart, this.slotCount * slotWords)
    this.#floats = new Float64Array(memory, slotsStart, this.slotCount * slotFloats)
    this.#data = Buffer.from(memory, dataStart(this.slotCount), this.dataBytes)
    this.#dataUnits = this.dataBytes / unitBytes
    this.#wrapUnits = positionWrapUnits(this.dataBytes)
    this.#lapShift = 31 - Math.clz32(this.slotCount)
    assert(1 << this.#lapShift === this.slotCount, 'the slot count must be a power of two')
    this.#claim = new ClaimWord(memory)
  }

  /**
   * Appends `source[start, end)` as one entry: claim, copy and publish in one synchronous call, so that a thread's appends
   * are in order. Answers the slot number, or RING_FULL, RING_SEALED or ENTRY_TOO_LARGE, which leave no trace. Ring the
   * owner's bell afterwards.
   */
  append(source: Buffer, start: number, end: number, writer: number, kind: EntryKind = EntryKind.data): number {
    assert(start >= 0 && start < end, 'an entry must have a length')
    assert(end <= source.length, 'the entry ends beyond its source')
    // Target and source at the same place modulo 8 bytes: copying is 2 to 5 times as fast.
    const slot = this.claim(end - start, writer, kind, (source.byteOffset + start) & (unitBytes - 1))
    if (!isSlot(slot)) return slot
    this.copy(slot, source, start, end)
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
    const room = Math.ceil((ownSkew + length) / unitBytes)
    for (;;) {
      // Low to high: what is retired never lies after what is claimed. Older values make the ring look fuller, never emptier.
      const retiredPosition = Atomics.load(this.#header, headerWord.retiredPosition)
      const retired = Atomics.load(this.#header, headerWord.retired)
      const position = this.#claim.low()
      const slot = this.#claim.high()
      if (position < 0) return RING_SEALED
      const untilEnd = this.#dataUnits - (position % this.#dataUnits)
      const padding = room > untilEnd ? untilEnd : 0
      const slots = padding === 0 ? 1 : 2
      if (slotDistance(retired, slot) + slots > this.slotCount) return RING_FULL
      if (this.#unitsBetween(retiredPosition, position) + padding + room > this.#dataUnits) return RING_FULL
      const positionNext = (position + padding + room) % this.#wrapUnits
      // A failed exchange means that another writer claimed: someone always gets on.
      if (!this.#claim.tryExchange(slot, position, slotAfter(slot, slots), positionNext)) continue
      if (padding === 0) {
        this.#describe(slot, packTag(kind, ownSkew, writer), position, length)
        return slot
      }
      this.#describe(slot, packTag(EntryKind.padding, 0, writer), position, padding * unitBytes)
      this.#words[this.#word(slot) + slotWord.answered] = 1
      this.publish(slot)
      const after = slotAfter(slot)
      this.#describe(after, packTag(kind, ownSkew, writer), (position + padding) % this.#wrapUnits, length)
      return after
    }
  }

  /** Copies the entry's bytes into the room of a slot that this thread claimed for just as many. */
  copy(slot: number, source: Buffer, start: number, end: number): void {
    assert(end - start === this.length(slot), 'the entry is not what was claimed')
    source.copy(this.#data, this.#dataIndex(slot), start, end)
  }

  /** Shows a claimed and filled slot to the owner. */
  publish(slot: number): void {
    Atomics.store(this.#words, this.#word(slot) + slotWord.lap, this.#lap(slot))
  }

  /** Whether the slot number has been published; false also where a later lap took its place. */
  isPublished(slot: number): boolean {
    return Atomics.load(this.#words, this.#word(slot) + slotWord.lap) === this.#lap(slot)
  }

  /** Closes the ring: every claim from now on fails with RING_SEALED. What was claimed is still published and served. */
  seal(): void {
    this.#claim.seal()
  }

  isSealed(): boolean {
    return this.#claim.low() < 0
  }

  /** Whether the ring is sealed and all that was claimed in it is readable. */
  isDrained(): boolean {
    // Only once the seal is seen is `claimed` final.
    if (!this.isSealed()) return false
    return this.readable() === this.claimed()
  }

  /** The next slot number to be claimed. All cursors are exclusive: the slots before them are done. */
  claimed(): number {
    return this.#claim.high()
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
    for (let at = this.stamped(); at !== slot; at = slotAfter(at)) this.#keepOrder(at)
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
    const positionNext = this.#positionAfter(last)
    const startOffset = this.lastOffset(last) + 1
    if (startOffset > 0) Atomics.store(this.#headerLongs, headerLong.startOffset, BigInt(startOffset))
    // The exchange comes before anything that lets writers in: a reader that still finds the old value after copying
    // has copied what nobody wrote over.
    Atomics.exchange(this.#header, headerWord.retired, toSlot)
    Atomics.store(this.#header, headerWord.retiredPosition, positionNext)
    this.#headBytes += this.#unitsBetween(retiredPosition, positionNext) * unitBytes
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
    return this.#unitsBetween(retiredPosition, this.#claim.low() & 0x7fff_ffff) * unitBytes
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
    return tagKind(this.#get(slot, slotWord.tag))
  }

  writer(slot: number): number {
    return tagWriter(this.#get(slot, slotWord.tag))
  }

  /** Bytes of the entry; of padding, the bytes left out. */
  length(slot: number): number {
    return this.#get(slot, slotWord.length)
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
    if (this.#get(slot, slotWord.verdict) !== Verdict.accepted) return false
    const kind = this.kind(slot)
    return kind === EntryKind.data || kind === EntryKind.marker
  }

  /** The offset that a produce is answered with. */
  baseOffset(slot: number): number {
    return this.#getFloat(slot, slotFloat.baseOffset)
  }

  setBaseOffset(slot: number, offset: number): void {
    this.#setFloat(slot, slotFloat.baseOffset, offset)
  }

  /** The entry's last offset; of entries that take no offsets, the last one before (once stamped). */
  lastOffset(slot: number): number {
    return this.#getFloat(slot, slotFloat.lastOffset)
  }

  setLastOffset(slot: number, offset: number): void {
    this.#setFloat(slot, slotFloat.lastOffset, offset)
  }

  maxTimestamp(slot: number): number {
    return this.#getFloat(slot, slotFloat.maxTimestamp)
  }

  setMaxTimestamp(slot: number, timestampMs: number): void {
    this.#setFloat(slot, slotFloat.maxTimestamp, timestampMs)
  }

  /** Milliseconds, or -1 where the topic keeps its producers' timestamps. */
  logAppendTime(slot: number): number {
    return this.#getFloat(slot, slotFloat.logAppendTime)
  }

  setLogAppendTime(slot: number, timestampMs: number): void {
    this.#setFloat(slot, slotFloat.logAppendTime, timestampMs)
  }

  verdict(slot: number): Verdict {
    return verdictOf(this.#get(slot, slotWord.verdict))
  }

  setVerdict(slot: number, verdict: Verdict): void {
    this.#words[this.#word(slot) + slotWord.verdict] = verdict
  }

  /** The Kafka error code that a produce is answered with; readable from `readable` on. */
  outcome(slot: number): number {
    return this.#get(slot, slotWord.outcome)
  }

  setOutcome(slot: number, errorCode: number): void {
    this.#words[this.#word(slot) + slotWord.outcome] = errorCode
  }

  isAnswered(slot: number): boolean {
    return Atomics.load(this.#words, this.#word(slot) + slotWord.answered) === 1
  }

  /** The writer has read the outcome, or will never look at it: the slot may be retired. */
  markAnswered(slot: number): void {
    Atomics.store(this.#words, this.#word(slot) + slotWord.answered, 1)
  }

  #describe(slot: number, tag: number, position: number, length: number): void {
    const word = this.#word(slot)
    this.#words[word + slotWord.tag] = tag
    this.#words[word + slotWord.position] = position
    this.#words[word + slotWord.length] = length
    this.#words[word + slotWord.verdict] = Verdict.pending
    this.#words[word + slotWord.outcome] = 0
    this.#words[word + slotWord.answered] = 0
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

  #positionAfter(slot: number): number {
    const skew = tagSkew(this.#get(slot, slotWord.tag))
    const units = Math.ceil((skew + this.length(slot)) / unitBytes)
    return (this.#get(slot, slotWord.position) + units) % this.#wrapUnits
  }

  #unitsBetween(from: number, to: number): number {
    return to >= from ? to - from : to - from + this.#wrapUnits
  }

  #dataIndex(slot: number): number {
    const units = this.#get(slot, slotWord.position) % this.#dataUnits
    return units * unitBytes + tagSkew(this.#get(slot, slotWord.tag))
  }

  // Never 0, which is what fresh memory holds, and never what the slot's place held one round ago.
  #lap(slot: number): number {
    return ((slot >>> this.#lapShift) + 1) | 0
  }

  #word(slot: number): number {
    return (slot & (this.slotCount - 1)) * slotWords
  }

  #get(slot: number, word: number): number {
    return this.#words[this.#word(slot) + word] ?? 0
  }

  #getFloat(slot: number, float: number): number {
    return this.#floats[(slot & (this.slotCount - 1)) * slotFloats + float] ?? 0
  }

  #setFloat(slot: number, float: number, value: number): void {
    this.#floats[(slot & (this.slotCount - 1)) * slotFloats + float] = value
  }
}

assert(slotWords * 4 === slotBytes, 'a slot must be whole words')
