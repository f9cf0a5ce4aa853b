import { describe, expect, it } from 'vitest';
import { type DocumentBody, documentOperations } from '../../src/changes/document-operations.ts';
import { patchYaml } from '../../src/registry/yaml-patch.ts';

const at = { kind: 'Integration', path: 'integrations/forge.yaml' } as const;
const head = 'apiVersion: waymark/v1\nkind: Integration\n';
const spec = { type: 'scm.gitea', config: { repository: 'tools' } };

/** What becomes of a file; undefined of one that goes. */
function written(
  before: (DocumentBody & { text: string }) | undefined,
  next: DocumentBody | undefined,
): string | undefined {
  let text = before?.text;
  for (const operation of documentOperations(at, before, next)) {
    expect(operation.path).toBe(at.path);
    if (operation.op === 'remove') text = undefined;
    else if (operation.op === 'upsert') text = operation.content;
    else if (operation.op === 'patch') {
      const patched = patchYaml(text!, operation.patch);
      text = patched.ok ? patched.value : patched.error.message;
    }
  }
  return text;
}

const commented = `${head}
# What it is.
spec:
  type: scm.gitea # ours
  config: {repository: tools}
`;
const titled = `${head}metadata:
  title: Forge # as people call it
  labels:
    # Who pays.
    tier: one
spec:
  type: scm.gitea
  config: {repository: tools}
`;
const metadata = { title: 'Forge', labels: { tier: 'one' } };

describe('documentOperations', () => {
  it('makes a document, its metadata first', () => {
    expect(written(undefined, { metadata: { title: 'Forge' }, spec })).toBe(
      `${head}metadata:\n  title: Forge\nspec:\n  type: scm.gitea\n  config:\n    repository: tools\n`,
    );
  });

  it('makes one without metadata where there is none', () => {
    expect(written(undefined, { spec })).not.toContain('metadata');
  });

  it('adds metadata above the rest, and keeps all comments', () => {
    const text = written({ text: commented, spec }, { metadata: { title: 'Forge' }, spec });

    expect(text).toBe(commented.replace(head, `${head}metadata:\n  title: Forge\n`));
  });

  it('changes what differs of metadata, and keeps the comments of the rest', () => {
    const next = { metadata: { title: 'The forge', labels: { tier: 'one', zone: 'a' } }, spec };

    expect(written({ text: titled, metadata, spec }, next)).toBe(
      titled
        .replace('title: Forge', 'title: The forge')
        .replace('    tier: one\n', '    tier: one\n    zone: a\n'),
    );
  });

  it('takes away metadata that says nothing more', () => {
    const text = written({ text: titled, metadata, spec }, { spec });

    expect(text).toBe(`${head}spec:\n  type: scm.gitea\n  config: {repository: tools}\n`);
  });

  it('changes the spec field by field', () => {
    const text = written(
      { text: commented, spec },
      { spec: { type: 'scm.gitea', enabled: false } },
    );

    expect(text).toBe(commented.replace('  config: {repository: tools}\n', '  enabled: false\n'));
  });

  it('removes what is to be nothing, and leaves alone what is nothing', () => {
    expect(written({ text: commented, spec }, undefined)).toBeUndefined();
    expect(documentOperations(at, undefined, undefined)).toEqual([]);
  });
});
