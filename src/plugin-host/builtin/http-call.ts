import { invalidField } from '../../model/errors.ts';
import { maybeMapIn, maybeTextIn, type Params } from '../callbacks/params.ts';
import { hasPlaceholder } from '../callbacks/placeholders.ts';

/** What an answer must be like. */
export interface Expected {
  /** Any of these; none given: 200 to 299. */
  status?: readonly number[];
  /** By name; the whole value. */
  headers?: Readonly<Record<string, string>>;
  /** By RFC 6901 pointer into the body. */
  json?: Readonly<Record<string, unknown>>;
}

/** The parameters of the operation `request`. */
export interface HttpCall {
  method: string;
  /** Below the endpoint, with its query. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  expect: Expected;
}

/** @throws {WaymarkError} `VAL_FAILED` */
export function httpCallIn(params: Params): HttpCall {
  const headers = textsIn(params, 'headers') ?? {};
  // Who may ask for requests need not be who gave the secrets: an answer may repeat them.
  if (Object.values(headers).some(hasPlaceholder)) {
    throw invalidField('headers', 'name no secrets: authMode says how these are sent');
  }
  const call: HttpCall = {
    method: maybeTextIn(params, 'method', 20) ?? 'GET',
    path: maybeTextIn(params, 'path', 4096) ?? '/',
    headers,
    expect: expectedIn(maybeMapIn(params, 'expect') ?? {}),
  };
  const body = params['body'] ?? null;
  if (body === null) return call;
  if (typeof body === 'string') return { ...call, body };
  const typed = { 'content-type': 'application/json', ...headers };
  return { ...call, headers: typed, body: JSON.stringify(body) };
}

function expectedIn(params: Params): Expected {
  const status = [params['status'] ?? []].flat();
  if (!status.every((one) => Number.isInteger(one))) {
    throw invalidField('expect.status', 'must be a status, or a list of them', 'type');
  }
  const headers = textsIn(params, 'headers');
  const json = maybeMapIn(params, 'json');
  return {
    ...(status.length > 0 && { status: status as number[] }),
    ...(headers && { headers }),
    ...(json && { json }),
  };
}

function textsIn(params: Params, field: string): Record<string, string> | undefined {
  const map = maybeMapIn(params, field);
  if (Object.values(map ?? {}).every((value) => typeof value === 'string')) {
    return map as Record<string, string> | undefined;
  }
  throw invalidField(field, 'must be texts by name', 'type');
}
