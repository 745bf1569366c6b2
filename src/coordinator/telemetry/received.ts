/** The metrics that clients pushed last: a bounded place from which whoever shows metrics can take them. */

/** One client's last push, as it came. */
export type PushedMetrics = {
  /** In hexadecimal. */
  readonly clientInstanceId: string
  readonly clientId: string
  readonly softwareName: string
  readonly softwareVersion: string
  readonly clientHost: string
  readonly receivedMs: number
  readonly isTerminating: boolean
  /** Kafka's number of the codec that `metrics` are compressed with. */
  readonly compressionType: number
  /** OpenTelemetry's MetricsData, serialised. */
  readonly metrics: Buffer
}

/** What a push costs beside its metrics and its client's words, about: that many small ones are not free either. */
const pushOverheadBytes = 512

/** Bytes of pushed metrics that are kept: some thousand clients' of a few KiB. Beyond it the oldest go. */
export const receivedBytesMax = 16_777_216

/** Keeps the last push of each client, and counts. */
export class ReceivedMetrics {
  readonly #byClient = new Map<string, PushedMetrics>()
  readonly #bytesMax: number
  #bytes = 0
  #pushes = 0
  #dropped = 0

  constructor(bytesMax = receivedBytesMax) {
    this.#bytesMax = bytesMax
  }

  /** Pushes taken since the start, those that were dropped to make room, and the bytes that are kept. */
  counts(): { readonly pushes: number; readonly dropped: number; readonly bytes: number } {
    return { pushes: this.#pushes, dropped: this.#dropped, bytes: this.#bytes }
  }

  /** The last push of each client that is still kept, the oldest first. */
  latest(): Iterable<PushedMetrics> {
    return this.#byClient.values()
  }

  take(pushed: PushedMetrics): void {
    this.#pushes += 1
    this.#remove(pushed.clientInstanceId)
    this.#byClient.set(pushed.clientInstanceId, pushed)
    this.#bytes += bytesOf(pushed)
    for (const id of this.#byClient.keys()) {
      if (this.#bytes <= this.#bytesMax) break
      this.#remove(id)
      this.#dropped += 1
    }
  }

  #remove(clientInstanceId: string): void {
    const present = this.#byClient.get(clientInstanceId)
    if (present === undefined) return
    this.#byClient.delete(clientInstanceId)
    this.#bytes -= bytesOf(present)
  }
}

function bytesOf({ metrics, clientId, softwareName, softwareVersion }: PushedMetrics): number {
  // A character of a client's words may take two bytes.
  return pushOverheadBytes + metrics.length + 2 * (clientId.length + softwareName.length + softwareVersion.length)
}
