import type { IncomingMessage, ServerResponse } from 'node:http';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { OpenApi, Operation } from '../../src/http/openapi.ts';
import { isPluginPlace } from '../../src/http/plugin-place.ts';

/** Holds what is answered to what `/openapi.json` says of it. */
export interface Conformance {
  /** Before anything answers. */
  watch(request: IncomingMessage, response: ServerResponse): void;
  /** Throws what was answered otherwise since the last time. */
  check(): void;
}

interface Place {
  template: string;
  pattern: RegExp;
  methods: Record<string, Operation>;
}

const ID = 'https://waymark.invalid/openapi.json';

export function conformanceTo(document: OpenApi): Conformance {
  const ajv = new Ajv2020({ strict: false, validateSchema: false });
  // @ts-expect-error ajv-formats is CommonJS: its types name a default export that is the module itself
  addFormats(ajv, ['date-time', 'uuid', 'email', 'uri']);
  ajv.addSchema({ ...document, $id: ID });
  const places = placesOf(document);
  let faults: string[] = [];

  const compiled = new Map<string, ValidateFunction>();
  function faultIn(pointer: string[], value: unknown): string | undefined {
    const $ref = `${ID}#/${pointer.map(escaped).join('/')}`;
    const validate = compiled.get($ref) ?? ajv.compile({ $ref });
    compiled.set($ref, validate);
    return validate(value) ? undefined : ajv.errorsText(validate.errors, { dataVar: 'answer' });
  }

  function faultOf(asked: string, url: string, status: number, body: unknown): string | undefined {
    // A probe has no envelope.
    if (url === '/readyz') return undefined;
    // Successes there are a plugin's, and its refusals are not told to `faultOf`.
    if (isPluginPlace(url)) {
      return status < 400 || body === undefined
        ? undefined
        : faultIn(['components', 'schemas', 'PluginRefusal'], body);
    }
    if (status >= 400)
      return body === undefined ? body : faultIn(['components', 'schemas', 'Refusal'], body);
    const { pathname } = new URL(url, 'http://localhost');
    const place = places.find(({ pattern }) => pattern.test(pathname));
    const method = asked === 'HEAD' ? 'get' : asked.toLowerCase();
    const operation = place?.methods[method];
    if (!place || !operation) {
      return pathname.startsWith('/api/v1/') ? 'is in no row of the document' : undefined;
    }
    const { responses } = operation;
    // A test's own rows need not say what they answer.
    if (!Object.keys(responses).some((known) => /^\d+$/.test(known))) return undefined;
    const response = responses[status] as { content?: Record<string, unknown> } | undefined;
    if (!response) return 'is a status that the document does not have';
    if (body === undefined || !response.content?.['application/json']) return undefined;
    const steps = ['paths', place.template, method, 'responses', String(status)];
    return faultIn([...steps, 'content', 'application/json', 'schema'], body);
  }

  return {
    watch({ method = 'GET', url = '/' }, response) {
      onAnswer(response, (body) => {
        if (response.hasHeader('X-Waymark-Plugin')) return;
        const fault = faultOf(method, url, response.statusCode, body);
        if (fault) faults.push(`${method} ${url} ${response.statusCode} ${fault}`);
      });
    },
    check() {
      const found = faults;
      faults = [];
      if (found.length > 0) throw new Error(`not as in openapi.json:\n${found.join('\n')}`);
    },
  };
}

/** The most exact first: `/users/me` before `/users/{id}`. */
function placesOf({ paths }: OpenApi): Place[] {
  const count = ({ template }: Place): number => template.split('{').length;
  return Object.entries(paths)
    .map(([template, methods]): Place => {
      const source = template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/]+');
      return { template, methods, pattern: new RegExp(`^${source}/?$`) };
    })
    .sort((a, b) => count(a) - count(b));
}

const escaped = (step: string): string =>
  encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'));

/** Tells the body of an answer that is written in one piece: its JSON, else undefined. */
function onAnswer(response: ServerResponse, tell: (body: unknown) => void): void {
  const end = response.end.bind(response) as (...all: unknown[]) => ServerResponse;
  response.end = (...given: unknown[]): ServerResponse => {
    const [chunk] = given;
    const isWhole = typeof chunk === 'string' || Buffer.isBuffer(chunk);
    tell(isWhole ? parsed(String(chunk)) : undefined);
    return end(...given);
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
