/** Kafka's general sentences for errors, where an answer has nothing more exact to say. */

/** Of INVALID_REQUEST. */
export const invalidRequestWords =
  'This most likely occurs because of a request being malformed by the client library or the message was sent to an ' +
  'incompatible broker. See the broker logs for more details.'
