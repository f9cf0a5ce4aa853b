import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { McpSpec } from '../../src/registry/kinds.ts';
import { findLiteralSecrets } from '../../src/registry/mcp-secrets.ts';

const server = (fields: Partial<McpSpec>): McpSpec => ({ transport: 'stdio', ...fields });

const pointersOf = (fields: Partial<McpSpec>) =>
  findLiteralSecrets(server(fields)).map(({ pointer }) => pointer.join('.'));

describe('findLiteralSecrets', () => {
  it.each([
    ['GITHUB_TOKEN', '${GITHUB_TOKEN}'],
    ['GITHUB_TOKEN', '${GITHUB_TOKEN:-}'],
    ['GITHUB_TOKEN', '${input:github}'],
    ['GITHUB_TOKEN', ''],
    ['TOKEN', 'Bearer ${A}${B}'],
    ['TOKEN', '${A:-${B}}'],
    ['MAX_TOKENS', '4096'],
    ['TOKEN_URL', 'https://example.com/token'],
    ['API_KEY_FILE', '/run/secrets/key'],
    ['DISABLE_AUTHORIZATION', 'true'],
    ['KEYBOARD', 'qwerty'],
    ['MONKEY', 'bananas'],
    ['LOG_LEVEL', 'debug'],
  ])('takes env %s: %j', (name, value) => {
    expect(pointersOf({ env: { [name]: value } })).toEqual([]);
  });

  it.each([
    ['GITHUB_TOKEN', 'hunter2'],
    ['githubToken', 'hunter2'],
    ['API_KEY', '${KEY:-hunter2}'],
    ['apikey', 'hunter2'],
    ['DB_PASSWORD', 'x${SUFFIX}'],
    ['AWS_SECRET_ACCESS_KEY', 'hunter2'],
    ['NOTE', `ghp_${'0'.repeat(36)}`],
    ['NOTE', `use AKIA${'A'.repeat(16)} here`],
    ['NOTE', `eyJ${'a'.repeat(20)}.eyJ${'b'.repeat(20)}.c`],
    ['NOTE', '-----BEGIN OPENSSH PRIVATE KEY-----'],
    ['NOTE', 'wmk_0123456789abcdef_secret'],
  ])('refuses env %s: %j', (name, value) => {
    expect(pointersOf({ env: { [name]: value } })).toEqual([`spec.env.${name}`]);
  });

  it.each([
    ['Authorization', 'Bearer ${TOKEN}', false],
    ['Authorization', 'Bearer hunter2', true],
    ['X-Api-Key', '${KEY}', false],
    ['X-Api-Key', 'hunter2', true],
    ['Accept', 'application/json', false],
  ])('header %s: %j', (name, value, isRefused) => {
    expect(pointersOf({ headers: { [name]: value } }).length > 0).toBe(isRefused);
  });

  it.each([
    [['--token', 'hunter2'], ['spec.args.1']],
    [['--token', '${TOKEN}'], []],
    [['--token', '--verbose'], []],
    [['--api-key=hunter2'], ['spec.args.0']],
    [['--api-key=${KEY}'], []],
    [['-e', 'TFE_TOKEN=${TFE_TOKEN}'], []],
    [['-e', 'TFE_TOKEN=hunter2'], ['spec.args.1']],
    [['--max-tokens', '4096'], []],
    [['-y', '@acme/server@1.2.0'], []],
  ])('args %j', (args, pointers) => {
    expect(pointersOf({ args })).toEqual(pointers);
  });

  it.each([
    ['https://mcp.example.com/mcp?version=2', false],
    ['https://${USER}:${PASSWORD}@mcp.example.com/', false],
    ['https://ada:hunter2@mcp.example.com/', true],
    ['https://mcp.example.com/?access_token=hunter2', true],
    ['https://mcp.example.com/?access_token=${TOKEN}', false],
    ['https://mcp.example.com/#token=fragment', false],
  ])('url %s', (url, isRefused) => {
    expect(pointersOf({ url }).length > 0).toBe(isRefused);
  });

  it('refuses the default of a secret input, and takes any other', () => {
    const inputs = [
      { name: 'A', secret: true, default: 'hunter2' },
      { name: 'B', default: 'eu' },
      { name: 'C', secret: true },
    ];

    expect(pointersOf({ inputs })).toEqual(['spec.inputs.0.default']);
  });

  it('never takes long over hostile text', () => {
    const hostile = fc
      .constantFrom(
        '-eyJaaaaaaaaaaa',
        '${a:-',
        '${a:',
        '-----BEGIN ',
        'sk-',
        'AIza',
        'token=',
        ':@',
      )
      .map((part) => part.repeat(Math.floor(200_000 / part.length)));
    fc.assert(
      fc.property(hostile, (value) => {
        const { user } = process.cpuUsage();

        findLiteralSecrets(server({ env: { A: value, A_TOKEN: value }, args: [value] }));

        expect(process.cpuUsage().user - user).toBeLessThan(1_000_000);
      }),
      { numRuns: 16 },
    );
  });
});
