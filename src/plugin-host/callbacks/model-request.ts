import { invalidField } from '../../model/errors.ts';
import type { ModelRequest } from './model-port.ts';
import { isMap, maybeNumberIn, maybeTextIn, type Params } from './params.ts';

const MOST_MESSAGES = 1000;
const MOST_TOKENS = 1_000_000;

/** @throws {WaymarkError} `VAL_FAILED` */
export function modelRequestIn(params: Params): ModelRequest {
  const model = maybeTextIn(params, 'model', 256);
  const maxTokens = maybeNumberIn(params, 'maxTokens', 1, MOST_TOKENS);
  const temperature = maybeNumberIn(params, 'temperature', 0, 2);
  return {
    messages: messagesIn(params),
    ...(model !== undefined && { model }),
    ...(maxTokens !== undefined && { maxTokens: Math.floor(maxTokens) }),
    ...(temperature !== undefined && { temperature }),
  };
}

function messagesIn({ messages }: Params): ModelRequest['messages'] {
  const isList = Array.isArray(messages) && messages.length > 0;
  if (!isList || messages.length > MOST_MESSAGES || !messages.every(isMessage)) {
    throw invalidField('messages', `must be 1 to ${MOST_MESSAGES} of {role, content}`, 'type');
  }
  return messages.map(({ role, content }) => ({ role, content }));
}

const isMessage = (value: unknown): value is { role: string; content: unknown } =>
  isMap(value) && typeof value['role'] === 'string' && (value['content'] ?? null) !== null;
