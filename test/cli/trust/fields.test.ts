import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VerificationError } from '../../../cli/errors.ts';
import { parseIndex } from '../../../cli/trust/index-document.ts';
import { parseManifest } from '../../../cli/trust/manifest.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const manifest = {
  plugin: { id: 'sales', name: 'Sales', version: '1.0.0', contentDigest: digest },
  resolved: { orgUid: 'o', seq: 1, commit: 'c', tree: 't' },
  layout: 'raw',
  items: [],
  files: [{ path: 'a', mode: '0644', digest, size: 1 }],
  bundle: { url: 'download' },
};
const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('parseManifest', () => {
  it.each<[field: string, change: object, message: string]>([
    ['a missing part', { plugin: undefined }, 'manifest: plugin is not an object'],
    ['a list for an object', { resolved: [] }, 'manifest: resolved is not an object'],
    ['text for a count', { resolved: { ...manifest.resolved, seq: '1' } }, 'seq is not a count'],
    ['a negative count', { resolved: { ...manifest.resolved, seq: -1 } }, 'seq is not a count'],
    [
      'a short digest',
      { plugin: { ...manifest.plugin, contentDigest: 'sha256:0' } },
      'is not a digest',
    ],
    ['null for a list', { items: null }, 'manifest: items is not a list'],
    ['a member of a list', { files: [1] }, 'manifest: files[0] is not an object'],
    ['entries to merge', { items: [item([{ file: 'opencode.json' }])] }, 'cannot'],
  ])('refuses %s', (_what, change, message) => {
    const parse = () => parseManifest(bytesOf({ ...manifest, ...change }));

    expect(parse).toThrow(VerificationError);
    expect(parse).toThrow(message);
  });

  it('sorts files by path, whichever object brings them', () => {
    const files = [{ path: 'b', mode: '0644', digest, size: 1 }];
    const { files: all } = parseManifest(bytesOf({ ...manifest, items: [{ ...item([]), files }] }));

    expect(all.map(({ path, objectId }) => [path, objectId])).toEqual([
      ['a', undefined],
      ['b', 'sales.skill.x'],
    ]);
  });

  it.each([[Buffer.from('{')], [Buffer.of(0xff, 0xfe)], [Buffer.from('null')]])(
    'refuses %s, which is no JSON object',
    (bytes) => {
      expect(() => parseManifest(bytes)).toThrow(VerificationError);
    },
  );

  it('throws nothing but a refusal, whatever JSON it gets', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(() => parseIndex(Buffer.from(text))).toThrow(VerificationError);
        expect(() => parseManifest(Buffer.from(text))).toThrow(VerificationError);
      }),
    );
  });
});

function item(keys: unknown[]): object {
  const own = { configObjectId: 'sales.skill.x', type: 'skill', versionId: 'c', digest };
  return { ...own, files: [], keys };
}
