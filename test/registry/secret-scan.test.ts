import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../src/model/diagnostic.ts';
import { scanForSecrets } from '../../src/registry/secret-scan.ts';
import { cpuMs } from '../support/cpu.ts';
import { hasTestData, testData } from '../support/test-data.ts';

// Put together here, so that no scanner takes this file for a leak.
const GITHUB = `ghp_${'a1B2c3D4e5F6g7H8i9J0'.repeat(2).slice(0, 36)}`;
const OPAQUE = '1b2c3d4e-5f60-4718-9a0b-1c2d3e4f5061';
const PASSWORD = ['hunter2', 'secret'].join('');
const PRIVATE_KEY = ['-----BEGIN RSA', 'PRIVATE KEY-----\n'].join(' ') + 'MIIEow'.repeat(40);

const scan = async (files: Record<string, string | Uint8Array>): Promise<string[]> => {
  const entries = Object.entries(files);
  const found = await scanForSecrets(
    entries.map(([path, content]) => ({ path, bytes: Buffer.from(content) })),
  );
  return found.map(formatDiagnostic);
};

const hint =
  '(if it is one, revoke it; if not, put the comment secretlint-disable-line on the line)';

describe('scanForSecrets', () => {
  it.each([
    ['a provider’s token', GITHUB, 'github, GITHUB_TOKEN'],
    ['a password in an address', `https://bob:${PASSWORD}@git.acme.io/`, 'basicauth, BasicAuth'],
    [
      'a password in a connection string',
      `postgres://app:${PASSWORD}@db.acme.io:5432/app`,
      'database-connection-string, PostgreSQLConnection',
    ],
    ['a private key', `${PRIVATE_KEY}\n-----END RSA PRIVATE KEY-----`, 'privatekey, PrivateKey'],
  ])('names the file and line of %s, but not the secret', async (_, secret, rule) => {
    const found = await scan({ 'plugins/ops/notes.md': `first\n\n  ${secret}\n` });

    expect(found).toEqual([`plugins/ops/notes.md:3:3 this looks like a secret (${rule}) ${hint}`]);
  });

  it('finds one in the middle of many files', async () => {
    const many = Array.from({ length: 500 }, (_, i) => [`docs/${i}.md`, `text ${i}\n`.repeat(200)]);
    const files = { ...Object.fromEntries(many), 'docs/250.md': `a\n${GITHUB}\n` };

    expect(await scan(files)).toEqual([expect.stringMatching(/^docs\/250\.md:2:1 /)]);
  });

  it('reports every one, by file and line', async () => {
    const found = await scan({ 'b.md': `${GITHUB}\n\n${GITHUB}`, 'a.md': GITHUB });

    expect(found.map((line) => line.split(' ')[0])).toEqual(['a.md:1:1', 'b.md:1:1', 'b.md:3:1']);
  });

  it.each([
    ['of short lines', 'a line like any other\n'],
    ['of one line', 'a line without an end '],
  ])('finds each in a long text %s once, where it stands', async (_how, filler) => {
    const parts = Array.from({ length: 30 }, () => `${filler.repeat(500)}${GITHUB} `);
    const text = parts.join('');

    const found = await scanForSecrets([{ path: 'notes.md', bytes: Buffer.from(text) }]);

    const lines = text.split('\n');
    expect(found).toHaveLength(30);
    for (const { line, column } of found) {
      expect(lines[line - 1]!.slice(column - 1).startsWith(GITHUB)).toBe(true);
    }
  });

  it('finds a private key wherever a text is cut', async () => {
    const key = `${PRIVATE_KEY}\n-----END RSA PRIVATE KEY-----\n`;
    for (const before of [47_000, 48_500, 49_200, 64_000, 65_400, 66_000]) {
      const text = `${'x'.repeat(99)}\n`.repeat(before / 100) + key + 'more\n'.repeat(20_000);

      expect(await scan({ 'notes.md': text }), String(before)).toHaveLength(1);
    }
  });

  it('stops at about a thousand, so that a file full of them holds nobody up', async () => {
    const startedAtMs = cpuMs();
    const text = `postgres://app:${PASSWORD}@db.acme.io/app\n`.repeat(100_000);

    const found = await scan({ 'notes.md': text });

    expect(found.length).toBeGreaterThanOrEqual(1000);
    expect(found.length).toBeLessThan(5000);
    // All of them, each compared with each other, would take minutes.
    expect(cpuMs() - startedAtMs).toBeLessThan(10_000);
  });

  it('believes a comment on the line, for that file alone', async () => {
    const found = await scan({
      'a.md': `${GITHUB} <!-- secretlint-disable-line -->\n`,
      'b.yaml': `# secretlint-disable\ntoken: ${GITHUB}\n`,
      'c.md': GITHUB,
    });

    expect(found.map((line) => line.split(' ')[0])).toEqual(['c.md:1:1']);
  });

  it('knows the files that hold credentials by their name', async () => {
    const line = `//npm.acme.io/:_authToken=${OPAQUE}`;

    expect(await scan({ 'a.txt': line })).toEqual([]);
    expect(await scan({ 'x/.npmrc': line })).toEqual([
      `x/.npmrc:1:16 this looks like a secret (npm, Npmrc_authToken) ${hint}`,
    ]);
  });

  it.each([
    'postgres://postgres:test@localhost/test',
    'mongodb://root:root@127.0.0.1:27017',
    'redis://user:password@cache:6379',
    'https://user:pass@api.example.com/v1',
  ])('lets documentation show %s', async (text) => {
    expect(await scan({ 'README.md': `Use ${text} here.` })).toEqual([]);
  });

  it('leaves out what is no text', async () => {
    expect(await scan({ 'image.bin': Buffer.from(`\0${GITHUB}`) })).toEqual([]);
  });

  it('reads nothing of this machine for a file that is named like a key store', async () => {
    expect(await scan({ 'keys/store.p12': 'text' })).toEqual([]);
  });

  it.runIf(hasTestData)('finds none in collections that people have published', async () => {
    const dir = testData('.');
    const files = readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .filter((path) => statSync(join(dir, path)).isFile())
      .map((path) => ({ path, bytes: readFileSync(join(dir, path)) }));

    expect(files.length).toBeGreaterThan(1000);
    expect(await scanForSecrets(files)).toEqual([]);
  });
});
