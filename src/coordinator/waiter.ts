/** One who waits for an answer: a client's request, held until what it depends on is in the journal. */

/** Exactly one of the two functions is called, once. */
export type Waiter<Response> = {
  answer(response: Response): void
  /** Ends the wait with a Kafka error code that says for the whole request why there is no answer. */
  refuse(errorCode: number): void
}
