import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type QueryResult,
  readQueryResults,
} from '../../../src/plugin-host/contract/read-agent.ts';
import { type BoundService, document, openBound } from '../../support/builtins.ts';

let bound: BoundService;

beforeAll(async () => {
  bound = await openBound({
    plugins: { opendatabot: {} },
    files: {
      'namespaces/west.yaml': document('Namespace', {
        department: 'field',
        plugins: { opendatabot: {} },
      }),
    },
  });
});
afterAll(() => bound?.close());

const ask = (query: string, binding?: { scope: 'namespace'; id: string }) =>
  bound.call({
    pluginId: 'opendatabot',
    method: 'agent.query',
    params: { query },
    read: readQueryResults,
    ...(binding && { binding }),
  }) as Promise<QueryResult[]>;

const codesOf = (results: QueryResult[]) => results.map(({ data }) => data?.['code']);

describe('opendatabot', () => {
  it('is a built-in that asks for nothing', () => {
    expect(bound.service.plugins.find('tools', 'opendatabot')).toMatchObject({
      source: 'builtin',
      trust: 'builtin',
      signature: 'core',
      requested: [],
      isEnabled: true,
    });
  });

  it('answers right and wrong codes alike, and says which is which', async () => {
    const results = await ask('Is it 12345678, or rather 12345679?');

    expect(results).toMatchObject([
      { type: 'company', mock: true, data: { code: '12345678', checksumValid: true } },
      { type: 'company', mock: true, data: { code: '12345679', checksumValid: false } },
    ]);
    expect(results[1]?.text).toContain('its check digit is wrong');
  });

  it('has the same record for a code whenever it is asked', async () => {
    expect(await ask('12345678')).toEqual(await ask('What of 12345678?'));
  });

  it('serves a namespace’s binding', async () => {
    const west = { scope: 'namespace', id: 'west.opendatabot' } as const;

    expect(codesOf(await ask('12345678', west))).toEqual(['12345678']);
  });

  it.each([
    ['no code', 'Who are you?', []],
    ['fewer digits', '1234567', []],
    ['more digits', '123456789 or 0012345678', []],
    ['words around it', 'ЄДРПОУ12345678,a12345679b', ['12345678', '12345679']],
    ['one twice', '12345678 12345678', ['12345678']],
  ])('finds in a question with %s', async (_, query, codes) => {
    expect(codesOf(await ask(query))).toEqual(codes);
  });

  it('answers five codes at most', async () => {
    const codes = ['10000001', '10000002', '10000003', '10000004', '10000005', '10000006'];

    expect(codesOf(await ask(codes.join(' ')))).toEqual(codes.slice(0, 5));
  });

  // The weighted sum of the seven digits before, modulo 11.
  it.each([
    ['1 to 7: 2', '20000002'],
    ['1 to 7 below 30 million: 245, 3', '29999993'],
    ['7, 1 to 6 from 30 million on: 21, 10; then 9: 27, 5', '30000005'],
    ['7, 1 to 6 up to 60 million: 224, 4', '59999994'],
    ['1 to 7 above 60 million: 13, 2', '60000012'],
    ['1 to 7: 43, 10; then 3 to 9: 57, 2', '10000062'],
    ['1 to 7: 65, 10; then 3 to 9: 87, 10; then 0', '10000640'],
  ])('weighs by %s', async (_sum, code) => {
    const wrong = `${code.slice(0, 7)}${(Number(code[7]) + 1) % 10}`;

    const results = await ask(`${code} ${wrong}`);

    expect(results.map(({ data }) => data?.['checksumValid'])).toEqual([true, false]);
  });
});
