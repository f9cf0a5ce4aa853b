import { WaymarkError } from '../../model/errors.ts';

/**
 * A server part said what the contract does not know. While it loads, that is
 * the end of this version; in a call, a bad answer.
 */
export class ContractViolation extends WaymarkError {
  constructor(message: string) {
    super('PLG_BAD_RESPONSE', message);
  }
}
