import { PluginFault } from '../contract/fault.ts';

/** What a guest sent is not what the wire allows. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';
}

/** What a guest says: the answer to a call, or a question of its own. */
export type GuestMessage =
  | { kind: 'result'; id: number; result: unknown }
  | { kind: 'fault'; id: number; fault: PluginFault }
  | { kind: 'callback'; id: number; method: string; params: Readonly<Record<string, unknown>> };

/** As the guest's side of the wire cuts them, which a script may have broken. */
const CODE_CHARS = 100;
const MESSAGE_CHARS = 2000;
const DETAILS_CHARS = 64 * 1024;

/**
 * A guest may say anything: nothing of it is believed but what is checked here.
 *
 * @throws {BadMessage}
 */
export function parseMessage(text: string): GuestMessage {
  const message = parseJson(text);
  if (!isRecord(message)) throw new BadMessage('it is no JSON object');
  const { id, ok, method, params, result = null, error } = message;
  if (!Number.isSafeInteger(id)) throw new BadMessage('it has no id');
  const about = { id: id as number };
  if (typeof method === 'string' && isRecord(params)) {
    return { kind: 'callback', ...about, method, params };
  }
  if (ok === true) return { kind: 'result', ...about, result };
  if (ok === false) return { kind: 'fault', ...about, fault: readFault(error) };
  throw new BadMessage('it is neither an answer nor a callback');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadMessage('it is no JSON');
  }
}

function readFault(error: unknown): PluginFault {
  if (!isRecord(error)) throw new BadMessage('its error is no object');
  const { code, message, retryable, http_status: status, details } = error;
  if (typeof code !== 'string' || typeof message !== 'string') {
    throw new BadMessage('its error has no code and message');
  }
  const isStatus = Number.isInteger(status) && Number(status) >= 400 && Number(status) <= 599;
  return new PluginFault({
    // All of it is logged, and shown as a plugin's last error.
    code: code.slice(0, CODE_CHARS),
    message: message.slice(0, MESSAGE_CHARS),
    isRetryable: retryable === true,
    httpStatus: isStatus ? Number(status) : undefined,
    details: isRecord(details) && isShort(details) ? details : undefined,
  });
}

const isShort = (details: object): boolean => JSON.stringify(details).length <= DETAILS_CHARS;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
