import { WaymarkError } from '../../model/errors.ts';
import { pureCalls } from '../runtime/pure-calls.js';
import type { Params } from './params.ts';

export const pureNames = Object.keys(pureCalls);

/**
 * Those that ask nothing of the host: a runtime mostly answers them itself.
 *
 * @throws {WaymarkError} `VAL_FAILED`
 */
export function answerPure(name: string, params: Params): unknown {
  try {
    return pureCalls[name]!(params);
  } catch (cause) {
    throw new WaymarkError('VAL_FAILED', (cause as Error).message, {}, { cause });
  }
}
