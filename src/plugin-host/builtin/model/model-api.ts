import { type OutboundStream, outboundStream } from '../../../outbound/fetch.ts';
import type { OutboundPolicy } from '../../../outbound/guard.ts';
import { explainOutbound } from '../../callbacks/http.ts';
import type { ModelAnswer, ModelPiece, ModelRequest } from '../../callbacks/model-port.ts';
import type { CallContext } from '../../contract/wire.ts';
import { type Fault, isPassing, upstreamFailed } from '../fault.ts';
import { urlBelow } from '../url-below.ts';
import {
  type CompletionTerms,
  completionBody,
  type ReadChunk,
  readChunk,
  readCompletion,
  reasonIn,
} from './completion.ts';
import { eventsIn } from './event-stream.ts';

/** As `schemas/plugins/model.json` has it, with its credentials. */
interface ModelConfig {
  endpoint: string;
  model: string;
  apiKey?: string;
}

type Config = CallContext['config'];

const LIMIT_BYTES = 4 * 1024 * 1024;
/** Of an answer that is read piece by piece. */
const LONGEST_MS = 60_000;
/** What stands in the place of an event at a stream's end. */
const DONE = '[DONE]';

/** OpenAI's chat completions, as everybody else has them too. All throw {@link Fault} or `WaymarkError`. */
export const createModelApi = (outbound: OutboundPolicy) => ({
  execute: (config: Config, request: ModelRequest, signal: AbortSignal): Promise<ModelAnswer> =>
    told(async () => {
      const asked = { config, request, isStream: false, signal };
      return readCompletion(await textOf(await complete(asked, outbound)));
    }),

  /** Begins an answer; `signal` ends it at any time. */
  stream: (
    config: Config,
    request: ModelRequest,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<ModelPiece, void>> =>
    told(async () => {
      const asked = { config, request, isStream: true, signal };
      return piecesOf((await complete(asked, outbound)).body);
    }),
});

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    return explainOutbound(error);
  }
}

interface Asked {
  config: Config;
  request: ModelRequest;
  isStream: boolean;
  signal: AbortSignal;
}

/** An answer of 200, whose body is yet to be read. */
async function complete(
  { config, request, isStream, signal }: Asked,
  outbound: OutboundPolicy,
): Promise<OutboundStream> {
  const own = config as unknown as ModelConfig;
  const bodyWith = (tokensField: CompletionTerms['tokensField']) =>
    completionBody(request, { model: own.model, isStream, tokensField });
  const first = await post(own, bodyWith('max_tokens'), signal, outbound);
  if (first.status === 200) return first;
  const refusal = await refusalIn(first);
  if (refusal.details['param'] !== 'max_tokens') throw refusal;
  const second = await post(own, bodyWith('max_completion_tokens'), signal, outbound);
  if (second.status === 200) return second;
  throw await refusalIn(second);
}

function post(
  { endpoint, apiKey }: ModelConfig,
  body: string,
  signal: AbortSignal,
  outbound: OutboundPolicy,
): Promise<OutboundStream> {
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'waymark-plugin/model',
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey.trimEnd()}` }),
  };
  const terms = { timeoutMs: LONGEST_MS, limitBytes: LIMIT_BYTES, signal };
  const url = urlBelow(endpoint, '/chat/completions');
  return outboundStream(url, { method: 'POST', headers, body, ...terms }, outbound);
}

async function* piecesOf(body: AsyncIterable<Buffer>): AsyncGenerator<ModelPiece, void> {
  let isFinished = false;
  try {
    for await (const events of eventsIn(body)) {
      const end = events.indexOf(DONE);
      const chunks = (end === -1 ? events : events.slice(0, end)).map(readChunk);
      isFinished ||= chunks.some((chunk) => chunk.isFinished);
      if (chunks.length > 0) yield joined(chunks);
      if (end !== -1) return;
    }
  } catch (error) {
    explainOutbound(error);
  }
  // Half an answer must not pass for a whole one.
  if (!isFinished) throw upstreamFailed('its answer was cut off', {}, true);
}

function joined(chunks: readonly ReadChunk[]): ModelPiece {
  const { isFinished: _, ...last } = Object.assign({}, ...chunks) as ReadChunk;
  return { ...last, text: chunks.map(({ text }) => text).join('') };
}

async function textOf({ body }: OutboundStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function refusalIn(answer: OutboundStream): Promise<Fault> {
  const { status } = answer;
  const details = { status, ...reasonIn(jsonOf(await textOf(answer))) };
  const why = 'reason' in details ? `: ${details.reason}` : '';
  return upstreamFailed(`it answers ${status}${why}`, details, isPassing(status));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
