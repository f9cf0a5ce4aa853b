import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Operation } from '../../src/changes/operations.ts';
import { previewEdit } from '../../src/changes/preview.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import { plugin, skill } from '../support/registry.ts';

let org: TestOrg;
const QUOTE = 'plugins/sales/skills/quote.yaml';

beforeEach(async () => {
  org = await makeTestOrg();
});
afterEach(() => org.remove());

const preview = (operations: Operation[], base = org.repository.head) =>
  previewEdit(
    { runtime: org.runtime, clock: () => org.nowMs, actor: 'user:ada' },
    { base, message: 'Edit', operations },
  );
const digestOf = (id: string) =>
  org.runtime.view.published.records.get(id)?.content.contentDigest ?? null;

describe('previewEdit', () => {
  it('tells what would come of it, as it then does', async () => {
    const before = digestOf('sales');

    const seen = await preview([{ op: 'upsert', path: QUOTE, content: skill('better') }]);

    await org.commit({ [QUOTE]: skill('better') });
    expect(seen).toMatchObject({ isValid: true, diagnostics: [] });
    expect(seen.objects).toEqual({
      added: [],
      removed: [],
      changed: [
        expect.objectContaining({ kind: 'Plugin', id: 'sales' }),
        expect.objectContaining({ id: 'sales.skill.quote', fields: ['description'] }),
      ],
    });
    expect(seen.digests).toEqual([{ plugin: 'sales', before, after: digestOf('sales') }]);
    expect(seen.diff).toMatchObject([{ path: QUOTE, status: 'changed' }]);
    expect(seen.diff[0]?.diff?.split('\n').slice(2)).toEqual([
      `--- a/${QUOTE}`,
      `+++ b/${QUOTE}`,
      '@@ -1,3 +1,3 @@',
      ' apiVersion: waymark/v1',
      ' kind: Skill',
      '-spec: {description: says quote, body: quote}',
      '+spec: {description: says better, body: better}',
      '',
    ]);
  });

  it('shows a unified diff of each file, also of one whose lines look like a head', async () => {
    const { diff } = await preview([
      { op: 'upsert', path: 'docs/a.md', content: 'diff --git a/x b/x\n' },
      { op: 'upsert', path: 'docs/b.bin', content: 'AAEC', encoding: 'base64' },
      { op: 'remove', path: 'objects/skills/unused.yaml' },
    ]);

    expect(diff.map(({ path, status }) => [path, status])).toEqual([
      ['docs/a.md', 'added'],
      ['docs/b.bin', 'added'],
      ['objects/skills/unused.yaml', 'removed'],
    ]);
    expect(diff[0]?.diff).toMatch(/@@ -0,0 \+1 @@\n\+diff --git a\/x b\/x\n$/);
    expect(diff[1]?.diff).toMatch(/Binary files \/dev\/null and b\/docs\/b.bin differ\n$/);
    expect(diff[2]?.diff).toContain('\n-kind: Skill\n');
  });

  it('leaves out the text of a diff that nobody would read', async () => {
    const content = 'a line of some length\n'.repeat(40_000);
    const operations = Array.from(
      { length: 6 },
      (_, i): Operation => ({ op: 'upsert', path: `docs/${i}.md`, content }),
    );

    const { diff } = await preview(operations);

    expect(diff).toHaveLength(6);
    expect(diff.every((file) => file.diff === null)).toBe(true);
  });

  it('tells every fault of what would not compile', async () => {
    const seen = await preview([
      { op: 'upsert', path: QUOTE, content: 'kind: [\n' },
      { op: 'upsert', path: 'plugins/lab/plugin.yaml', content: plugin('nonsense: 1', 'Lab') },
    ]);

    expect(seen).toMatchObject({ isValid: false, objects: null, digests: [] });
    expect(seen.diagnostics.map(({ path, line }) => [path, line])).toEqual([
      ['plugins/lab/plugin.yaml', 4],
      [QUOTE, 2],
    ]);
    expect(seen.diff).toHaveLength(2);
  });

  it('moves no ref and changes nothing that is served', async () => {
    const refs = await org.repository.git('show-ref');
    const { view } = org.runtime;
    const entries = await org.stores.audit.list('acme', 0, 100);

    await preview([{ op: 'upsert', path: QUOTE, content: skill('better') }]);

    await org.runtime.refresh();
    expect(await org.repository.git('show-ref')).toBe(refs);
    expect(org.runtime.view).toBe(view);
    expect(await org.stores.audit.list('acme', 0, 100)).toEqual(entries);
  });

  it('refuses a base that is not the head of main, like the edit itself', async () => {
    const base = org.repository.head;
    const head = await org.commit({ [QUOTE]: skill('other') });

    await expect(
      preview([{ op: 'upsert', path: QUOTE, content: skill('better') }], base),
    ).rejects.toMatchObject({
      code: 'RES_VERSION_CONFLICT',
      facts: { details: { head, changedPaths: [QUOTE], isMergeClean: false } },
    });
  });
});
