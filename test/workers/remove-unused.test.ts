import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OwnArtifacts } from '../../src/database/artifact-store.ts';
import { filesOf } from '../../src/model/object.ts';
import { publishVersion } from '../../src/release/publish.ts';
import { removeUnusedArtifacts } from '../../src/workers/remove-unused.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import { skill } from '../support/registry.ts';

const DAY_MS = 86_400_000;
const QUOTE = 'plugins/sales/skills/quote.yaml';

let org: TestOrg;
beforeEach(async () => {
  org = await makeTestOrg();
});
afterEach(() => org.remove());

/** Days later, once more by the store's own clock. */
async function removeUnused(): Promise<number> {
  const { orgs, publications } = org.stores;
  const artifacts = org.publishing.artifacts as OwnArtifacts;
  const clock = () => Date.now() + 2 * DAY_MS;
  return await removeUnusedArtifacts({ orgs, publications, artifacts, clock });
}

const contents = () =>
  filesOf(org.runtime.view.published.records.get('sales')!.content).map(({ digest }) =>
    digest.slice('sha256:'.length),
  );
const held = (names: readonly string[]) =>
  names.filter((name) => org.publishing.artifacts.has(name)).length;

/** Commits here come past the gate, and the audit log says so. */
const faults = () => org.logged.filter((line) => !line.startsWith('a ref was moved'));

describe('removeUnusedArtifacts', () => {
  it('keeps all that is served, over a restart', async () => {
    await publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });
    const before = contents();

    await removeUnused();

    expect(held(before)).toBe(before.length);
    const { view } = await org.restart();
    expect(view.releases.get('sales')).toHaveLength(1);
    expect(held(contents())).toBe(before.length);
    expect(faults()).toEqual([]);
  });

  it('keeps what a push replaced for its day, and then lets it go', async () => {
    await org.commit({ 'plugins/sales/README.md': 'large\n'.repeat(10_000) });
    const old = contents();
    await org.commit({ 'plugins/sales/README.md': 'small\n' });
    const replaced = old.filter((name) => !contents().includes(name));

    await removeUnused();
    expect(held(replaced)).toBe(replaced.length);
    org.nowMs += 26 * 3_600_000;
    await org.commit({ [QUOTE]: skill('best') });
    await org.restart();
    expect(await removeUnused()).toBeGreaterThan(0);

    expect(replaced).not.toEqual([]);
    expect(held(replaced)).toBe(0);
    expect(held(contents())).toBe(contents().length);
  });

  it('keeps what a release serves, whatever main holds', async () => {
    const released = contents();
    await publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });
    await org.commit({ [QUOTE]: skill('better') });
    org.nowMs += 26 * 3_600_000;
    await org.commit({ [QUOTE]: skill('best') });

    await removeUnused();

    expect(held(released)).toBe(released.length);
  });

  it('lets main go back to what was removed', async () => {
    const good = skill('better');
    await org.commit({ [QUOTE]: good });
    await org.commit({ [QUOTE]: skill('other') });
    org.nowMs += 26 * 3_600_000;
    await org.commit({ 'README.md': 'x' });
    await removeUnused();

    await org.commit({ [QUOTE]: good });

    expect(held(contents())).toBe(contents().length);
    const { view } = await org.restart();
    expect(view.published.commit).toBe(org.repository.head);
    expect(faults()).toEqual([]);
  });
});
