import { RemoteError } from '../git/remote-error.ts';
import { WaymarkError } from '../model/errors.ts';
import { isLasting } from './fault.ts';
import { MirrorError } from './open-remote.ts';
import { ProviderError } from './provider/port.ts';

const FOLLOWS = 'main follows an upstream repository';

/** @param why of what was tried; undefined where nothing is set up to be tried */
export function readOnly(reason: string, why?: string, options?: ErrorOptions): WaymarkError {
  const message =
    why === undefined
      ? `${FOLLOWS}: change it there, or give its provider a token`
      : `${FOLLOWS}, where this could not be proposed: ${why}`;
  return new WaymarkError('REG_MIRROR_READ_ONLY', message, { details: { reason } }, options);
}

/** Says in our own codes why a change could not be proposed upstream. */
export function notProposed(error: unknown): never {
  const isKnown =
    error instanceof MirrorError || error instanceof RemoteError || error instanceof ProviderError;
  if (!isKnown) throw error;
  const { reason, message } = error;
  if (isLasting(error)) throw readOnly(reason, message, { cause: error });
  const code = reason === 'timed-out' ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_FAILED';
  throw new WaymarkError(code, message, { details: { reason } }, { cause: error });
}
