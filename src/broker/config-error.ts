/** The error for a setting that cannot be used. */

import { SafkaError } from '../base/errors.ts'

/** Code SAFKA_CONFIG_INVALID; the message is one sentence that names the setting and what it may be. */
export class ConfigError extends SafkaError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('SAFKA_CONFIG_INVALID', message, options)
    this.name = 'ConfigError'
  }
}
