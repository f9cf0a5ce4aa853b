import { WaymarkError } from '../../model/errors.ts';
import type { GuestCall } from '../runtime/guest/types.ts';
import { after } from '../timers.ts';

/** What a call needs besides what it waits for. */
const MARGIN_MS = 500;

/**
 * Gives up before the call's deadline: when that passes, it is the plugin that
 * is at fault, whose breaker would open for every other binding of the org.
 *
 * @param work its call's signal is aborted then
 * @throws {WaymarkError} `UPSTREAM_TIMEOUT`
 */
export async function inTime<T>(
  call: GuestCall,
  work: (call: GuestCall) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const { promise: isLate, reject } = Promise.withResolvers<never>();
  const callOff = after(call.deadlineMs - MARGIN_MS, () => {
    const error = new WaymarkError('UPSTREAM_TIMEOUT', 'no answer in time');
    late.abort(error);
    reject(error);
  });
  try {
    const signal = AbortSignal.any([call.signal, late.signal]);
    return await Promise.race([work({ ...call, signal }), isLate]);
  } finally {
    callOff();
  }
}
