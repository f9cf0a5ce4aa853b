import type { CallContext } from '../contract/wire.ts';
import type { Builtin } from '../sources/builtin-part.ts';
import { credentialsRequired, upstreamAnswered } from './fault.ts';
import { checkAssertions } from './http-assertions.ts';
import { type HttpCall, httpCallIn } from './http-call.ts';
import { type HttpAnswer, type HttpClient, httpClient } from './http-client.ts';
import { integrationMethods } from './integration.ts';
import { ownManifest } from './own-manifest.ts';
import { lowerCase, type RequestTerms, underTerms } from './request-terms.ts';
import { urlBelow } from './url-below.ts';

/** As `schemas/plugins/http.json` has it, with its credentials: some as `secret:<field>`. */
interface HttpConfig extends RequestTerms {
  endpoint: string;
  authMode: 'none' | 'basic' | 'bearer' | 'header';
  healthPath: string;
  expectStatus: number;
}
type Credential = 'username' | 'password' | 'token' | 'header' | 'value';

const OPERATION = 'request';

/** Any HTTP service, by requests below one endpoint. */
export const http: Builtin = {
  manifest: ownManifest('http', {
    displayName: 'HTTP',
    category: 'automation',
    capabilities: { integration: true },
    // The others are put where they belong by the host.
    permissions: {
      http: [{ hosts: ['config:/endpoint'] }],
      secrets: ['username', 'password', 'header'],
    },
    integration: { category: 'automation', resourceTypes: [], operations: [OPERATION] },
  }),
  methods(waymark) {
    const send = httpClient(waymark);
    return integrationMethods({
      check: { name: 'endpoint', run: (config) => checkEndpoint(send, config) },
      operations: {
        async [OPERATION](config, params) {
          const wanted = httpCallIn(params);
          const answer = await request(send, config, wanted);
          const json = jsonOf(answer);
          checkAssertions({ ...answer, json }, wanted.expect);
          const { status, headers, body } = answer;
          return { status, headers, body: body.toString(), ...(json !== undefined && { json }) };
        },
      },
    });
  },
};

async function checkEndpoint(send: HttpClient, config: CallContext['config']) {
  const { healthPath: path, expectStatus } = config as unknown as HttpConfig;
  const { status } = await request(send, config, { method: 'GET', path });
  if (status === expectStatus) return `it answers ${status}`;
  throw upstreamAnswered(`it answers ${status}, and not ${expectStatus}`, status);
}

function request(
  send: HttpClient,
  config: CallContext['config'],
  { method, path, headers, body }: Pick<HttpCall, 'method' | 'path' | 'headers' | 'body'>,
): Promise<HttpAnswer> {
  const own = config as unknown as HttpConfig;
  return underTerms(
    send,
    own,
  )({
    method,
    url: urlBelow(own.endpoint, path),
    headers: { ...lowerCase(headers), ...authorization(config) },
    ...(body !== undefined && { body }),
  });
}

/** Last, so that no caller sends another's. */
function authorization(config: CallContext['config']): Record<string, string> {
  const given = (field: Credential): string => {
    const value = config[field];
    if (typeof value === 'string' && value !== '') return value;
    throw credentialsRequired(field);
  };
  switch ((config as unknown as HttpConfig).authMode) {
    case 'none':
      return {};
    case 'basic': {
      const pair = Buffer.from(`${given('username')}:${given('password')}`).toString('base64');
      return { authorization: `Basic ${pair}` };
    }
    case 'bearer':
      return { authorization: `Bearer ${given('token')}` };
    case 'header':
      return { [given('header').toLowerCase()]: given('value') };
  }
}

/** Undefined of a body that is none. */
function jsonOf({ body }: HttpAnswer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
