import type {
  ModelAnswer,
  ModelPiece,
  ModelRequest,
  ModelUsage,
} from '../../callbacks/model-port.ts';
import { isMap } from '../../callbacks/params.ts';
import { upstreamFailed } from '../fault.ts';

export interface CompletionTerms {
  /** Asked where the request names none. */
  model: string;
  isStream: boolean;
  /** OpenAI's newer models refuse `max_tokens`; many who speak like it know no other name. */
  tokensField: 'max_tokens' | 'max_completion_tokens';
}

/** The body of `POST /chat/completions`. */
export const completionBody = (
  { messages, model, maxTokens, temperature }: ModelRequest,
  { isStream, tokensField, ...own }: CompletionTerms,
): string =>
  JSON.stringify({
    model: model ?? own.model,
    messages,
    ...(maxTokens !== undefined && { [tokensField]: maxTokens }),
    ...(temperature !== undefined && { temperature }),
    ...(isStream && { stream: true, stream_options: { include_usage: true } }),
  });

/** @throws {Fault} `INT_UPSTREAM_FAILED` for an answer without a message */
export function readCompletion(text: string): ModelAnswer {
  const answer = parse(text);
  const message = firstOf(answer['choices'])['message'];
  if (!isMap(message)) throw upstreamFailed('its answer has no message');
  const { content } = message;
  const model = answer['model'];
  return {
    text: typeof content === 'string' ? content : '',
    model: typeof model === 'string' ? model : '',
    usage: usageOf(answer['usage']),
  };
}

export interface ReadChunk extends ModelPiece {
  /** Whether the model has said all. */
  isFinished: boolean;
}

/** @throws {Fault} `INT_UPSTREAM_FAILED`; also for an error in the place of a chunk */
export function readChunk(text: string): ReadChunk {
  const chunk = parse(text);
  if ((chunk['error'] ?? null) !== null) throw upstreamFailed('it broke off', reasonIn(chunk));
  const { delta, finish_reason: reason } = firstOf(chunk['choices']);
  const content = isMap(delta) ? delta['content'] : undefined;
  const { model } = chunk;
  const usage = usageOf(chunk['usage']);
  return {
    text: typeof content === 'string' ? content : '',
    ...(typeof model === 'string' && { model }),
    ...(usage && { usage }),
    isFinished: typeof reason === 'string',
  };
}

/** The machine's word for what is wrong; its sentence may name anything. */
export function reasonIn(answer: unknown): { reason?: string; param?: string } {
  const error = isMap(answer) ? answer['error'] : undefined;
  if (!isMap(error)) return {};
  const reason = [error['code'], error['type']].find(isWord);
  const param = [error['param']].find(isWord);
  return { ...(reason && { reason }), ...(param && { param }) };
}

const isWord = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w.-]{1,100}$/.test(value);

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (isMap(value)) return value;
  } catch {
    // Not the parser's own error, which quotes what it met.
  }
  throw upstreamFailed('its answer is not JSON of a completion');
}

const firstOf = (choices: unknown): Readonly<Record<string, unknown>> => {
  const first: unknown = Array.isArray(choices) ? choices[0] : undefined;
  return isMap(first) ? first : {};
};

function usageOf(usage: unknown): ModelUsage | null {
  if (!isMap(usage)) return null;
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = usage;
  const isCounted = typeof inputTokens === 'number' && typeof outputTokens === 'number';
  return isCounted ? { inputTokens, outputTokens } : null;
}
