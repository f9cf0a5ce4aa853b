import { WaymarkError } from '../../model/errors.ts';

const MESSAGE_CHARS = 500;

/**
 * A server part said what the contract does not know. While it loads, that is
 * the end of this version; in a call, a bad answer.
 */
export class ContractViolation extends WaymarkError {
  /** @param message cut short: it may hold names that the server part chose */
  constructor(message: string) {
    super('PLG_BAD_RESPONSE', message.slice(0, MESSAGE_CHARS));
  }
}
