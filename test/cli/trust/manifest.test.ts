import { describe, expect, it } from 'vitest';
import { parseManifest } from '../../../cli/trust/manifest.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const file = (path: string, mode = '0644') => ({ path, mode, digest, size: 1 });

const manifestWith = (parts: Record<string, unknown>): Buffer =>
  Buffer.from(
    JSON.stringify({
      plugin: { id: 'sales', name: 'Sales', version: '1.0.0', contentDigest: digest },
      resolved: { orgUid: 'uid', seq: 1, commit: 'c', tree: 't' },
      layout: 'claude',
      items: [],
      files: [],
      bundle: { url: 'download', contentBytes: 1 },
      ...parts,
    }),
  );

const itemWith = (parts: Record<string, unknown>) => ({
  configObjectId: 'sales.mcp.crm',
  type: 'mcp',
  versionId: 'c',
  digest,
  files: [],
  keys: [],
  ...parts,
});

const key = { file: '.mcp.json', pointer: '/mcpServers/crm', digest };

describe('parseManifest', () => {
  it('lists every file by path, with the object that brings it', () => {
    const items = [itemWith({ files: [file('mcp/crm.yaml')] })];

    const { files } = parseManifest(manifestWith({ files: [file('readme.md')], items }));

    expect(files).toEqual([
      { ...file('mcp/crm.yaml'), objectId: 'sales.mcp.crm' },
      file('readme.md'),
    ]);
  });

  it('takes an entry of a file that comes whole', () => {
    const items = [itemWith({ keys: [key] })];

    const { files } = parseManifest(manifestWith({ files: [file('.mcp.json')], items }));

    expect(files).toEqual([file('.mcp.json')]);
  });

  it('refuses an entry that would have to be merged into a file of the project', () => {
    const items = [itemWith({ keys: [key] })];

    expect(() => parseManifest(manifestWith({ items }))).toThrow('to merge into .mcp.json');
  });

  it.each(['0777', '120000', '4755'])('refuses a file of mode %s', (mode) => {
    const files = [file('run.sh', mode)];

    expect(() => parseManifest(manifestWith({ files }))).toThrow(`the mode ${mode}`);
  });
});
