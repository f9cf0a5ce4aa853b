import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type PatchStep, patchYaml } from '../../src/registry/yaml-patch.ts';

const golden = join(import.meta.dirname, '../golden/edits');

describe('patchYaml', () => {
  it.each(readdirSync(golden))('writes %s as its golden file', async (name) => {
    const read = (file: string) => readFileSync(join(golden, name, file), 'utf8');

    const patched = patchYaml(read('before.yaml'), JSON.parse(read('patch.json')) as PatchStep[]);

    expect(patched).toMatchObject({ ok: true });
    const text = patched.ok ? patched.value : '';
    await expect(text).toMatchFileSnapshot(join(golden, name, 'after.yaml'));
  });
});
