import type { Request, Response } from 'express';
import { WaymarkError } from '../model/errors.ts';
import { PluginFault } from '../plugin-host/contract/fault.ts';
import {
  type AnswerPlace,
  decodeAnswer,
  inert,
  type PluginAnswer,
} from '../plugin-host/contract/http-message.ts';
import type { HostedPlugin } from '../plugin-host/hosted-plugin.ts';
import type { HostCall, PluginHost } from '../plugin-host/plugin-host.ts';
import { requestIdIn } from './envelope.ts';
import { isManagement, PAGE_POLICY } from './plugin-place.ts';
import { goneSignal } from './plugin-request.ts';

/** Which handler is asked, and how a fault of it is told. */
export interface Asked {
  plugin: Pick<HostedPlugin, 'id' | 'version'>;
  call: Pick<HostCall, 'org' | 'method' | 'params' | 'binding' | 'caller'>;
  place: AnswerPlace;
  isPage?: boolean;
}

/** What has no body of its own, whose length would be another's. */
const LENGTHLESS: ReadonlySet<number> = new Set([204, 304]);

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/**
 * Has a server part answer, and sends what it says.
 *
 * @throws {WaymarkError} the host's own refusals, and `PLG_HANDLER_ERROR` or `PLG_MANAGEMENT_ERROR`
 * for what the handler threw without choosing a status
 */
export async function answerByPlugin(
  host: Pick<PluginHost, 'call'>,
  asked: Asked,
  request: Request,
  response: Response,
): Promise<void> {
  const { plugin, call, place, isPage = false } = asked;
  const answer = await answerOf(host, {
    ...call,
    pluginId: plugin.id,
    requestId: requestIdIn(response),
    signal: goneSignal(response),
    isRepeatable: SAFE.has(request.method),
    read: (value) => decodeAnswer(value, place),
  });
  const sent = isManagement(request.originalUrl) ? inert(answer) : answer;
  response.setHeader('X-Waymark-Plugin', `${plugin.id}@${plugin.version}`);
  if (isPage) response.setHeader('Content-Security-Policy', PAGE_POLICY);
  response.writeHead(sent.status, {
    'cache-control': 'no-store',
    ...sent.headers,
    ...(LENGTHLESS.has(sent.status) ? {} : { 'content-length': sent.body.length }),
  });
  response.end(request.method === 'HEAD' ? undefined : sent.body);
}

async function answerOf(host: Pick<PluginHost, 'call'>, call: HostCall): Promise<PluginAnswer> {
  try {
    return (await host.call(call)) as PluginAnswer;
  } catch (error) {
    if (error instanceof PluginFault) return answerOfFault(error, call);
    throw isUnanswered(error) ? unanswered(call, error) : error;
  }
}

/** What its author chose to be seen; anything else that was thrown is for the log alone. */
function answerOfFault(fault: PluginFault, { method, pluginId }: HostCall): PluginAnswer {
  const { httpStatus: status, message, details } = fault;
  if (status === undefined) {
    const code = method === 'api.handle' ? 'PLG_HANDLER_ERROR' : 'PLG_MANAGEMENT_ERROR';
    throw new WaymarkError(code, `the plugin ${pluginId} failed`, {}, { cause: fault });
  }
  const body = Buffer.from(JSON.stringify({ error: message, ...(details && { details }) }));
  return { status, headers: { 'content-type': 'application/json; charset=utf-8' }, body };
}

const isUnanswered = (error: unknown): boolean =>
  error instanceof WaymarkError && error.code === 'PLG_METHOD_UNSUPPORTED';

/** It has declared the route: that nothing stands behind it is its own fault, not the caller's. */
const unanswered = ({ pluginId, method }: HostCall, cause: unknown): WaymarkError =>
  new WaymarkError('PLG_BAD_RESPONSE', `the plugin ${pluginId} has no ${method}`, {}, { cause });
