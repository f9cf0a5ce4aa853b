import { describe, expect, it } from 'vitest';
import { findLists } from '../../../src/registry/layout/claude-paths.ts';
import {
  findServers,
  isSameServer,
  readServer,
  writeServer,
} from '../../../src/registry/layout/claude-server.ts';
import type { JsonFile } from '../../../src/registry/layout/json-file.ts';
import type { Fields } from '../../../src/registry/layout/markdown.ts';

const filesOf = (values: Record<string, Fields>): Map<string, JsonFile> =>
  new Map(Object.entries(values).map(([path, value]) => [path, { path, value, isChanged: false }]));

describe('findServers', () => {
  const entry = { command: 'npx', args: ['server'] };

  it.each([
    ['wrapped', { mcpServers: { github: entry } }],
    ['flat', { github: entry }],
  ])('reads a %s .mcp.json', (_form, value) => {
    const found = findServers(findLists(filesOf({ '.mcp.json': value }), 'mcpServers'));

    expect(found.map(({ name, key, spec }) => ({ name, key, spec }))).toEqual([
      { name: 'github', key: 'github', spec: { transport: 'stdio', ...entry } },
    ]);
  });

  it('reads what plugin.json holds and points to', () => {
    const files = filesOf({
      '.claude-plugin/plugin.json': { mcpServers: ['./more/servers.json', { inline: entry }] },
      'more/servers.json': { mcpServers: { pointed: entry } },
    });

    const found = findServers(findLists(files, 'mcpServers'));

    expect(found.map(({ name, place }) => [name, place.file.path, place.at])).toEqual([
      ['pointed', 'more/servers.json', ['mcpServers']],
      ['inline', '.claude-plugin/plugin.json', ['mcpServers', '1']],
    ]);
  });

  it('takes settings that list no servers for none', () => {
    const files = filesOf({ '.mcp.json': { note: 'nothing here' } });

    expect(findLists(files, 'mcpServers')).toEqual([]);
  });

  it('keeps names apart that the rules make equal', () => {
    const files = filesOf({ '.mcp.json': { 'My Server': entry, 'my-server': entry } });

    const names = findServers(findLists(files, 'mcpServers')).map(({ name }) => name);

    expect(new Set(names).size).toBe(2);
    expect(names).toContain('my-server');
  });
});

describe('readServer', () => {
  it('asks for what stands as a placeholder', () => {
    const entry = {
      type: 'http',
      url: 'https://example.com/${REGION:-eu}',
      headers: { Authorization: 'Bearer ${API_TOKEN}', 'X-Opt': '${OPT_KEY:-}' },
    };

    expect(readServer(entry).spec).toEqual({
      transport: 'streamable-http',
      url: entry.url,
      headers: entry.headers,
      inputs: [
        { name: 'REGION', default: 'eu' },
        { name: 'API_TOKEN', required: true, secret: true },
        { name: 'OPT_KEY', secret: true },
      ],
    });
  });

  it('does not ask for what the tool fills in', () => {
    const entry = { command: 'bun', args: ['--cwd', '${CLAUDE_PLUGIN_ROOT}'] };

    expect(readServer(entry).spec).toEqual({ transport: 'stdio', ...entry });
  });

  it('lists the fields that only the file can say', () => {
    const entry = { command: 'x', timeout: 5, alwaysAllow: [], url: 'https://example.com' };

    expect(readServer(entry).unmapped).toEqual(['timeout', 'alwaysAllow', 'url']);
  });

  it.each([
    ['no object', 'text'],
    ['neither command nor url', { type: 'http' }],
    ['another transport', { type: 'ws', url: 'wss://example.com' }],
    ['arguments that are no texts', { command: 'x', args: [1] }],
    ['an environment that is no map of texts', { command: 'x', env: { A: 1 } }],
    ['a name no environment can have', { command: 'x', env: { 'A B': 'c' } }],
    ['a header that none can be', { url: 'https://example.com', headers: { 'a b': 'c' } }],
  ])('gives no spec for %s', (_what, entry) => {
    expect(readServer(entry).spec).toBeUndefined();
  });
});

describe('writeServer', () => {
  it.each([
    { command: 'npx', args: ['-y', 'x'], env: { A: '${A}' } },
    { type: 'http', url: 'https://example.com', headers: { A: 'b' } },
    { type: 'sse', url: 'https://example.com' },
  ])('gives back %j', (entry) => {
    expect(writeServer(readServer(entry).spec!)).toEqual(entry);
  });

  it("writes an input's default where the tool looks for it", () => {
    const spec = {
      transport: 'stdio',
      command: 'x',
      env: { REGION: '${REGION}', OTHER: '${OTHER}' },
      inputs: [{ name: 'REGION', default: 'eu' }, { name: 'OTHER' }],
    };

    expect(writeServer(spec)['env']).toEqual({ REGION: '${REGION:-eu}', OTHER: '${OTHER}' });
  });

  it('takes a description of an input for no change', () => {
    const spec = { transport: 'stdio', command: 'x', env: { A: '${A}' }, inputs: [{ name: 'A' }] };
    const described = { ...spec, inputs: [{ name: 'A', description: 'From the settings.' }] };

    expect(isSameServer(spec, described)).toBe(true);
    expect(isSameServer(spec, { ...spec, command: 'y' })).toBe(false);
  });
});
