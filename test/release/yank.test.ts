import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publishVersion } from '../../src/release/publish.ts';
import { setYanked } from '../../src/release/yank.ts';
import { makeTestOrg, NOW_MS, type TestOrg } from '../support/org.ts';
import { skill } from '../support/registry.ts';

let org: TestOrg;
const FILE = 'releases/sales/1.1.0.yaml';

beforeEach(async () => {
  org = await makeTestOrg();
  await publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });
  await org.commit({ 'plugins/sales/skills/quote.yaml': skill('better') });
  await publishVersion(org.publishing, { plugin: 'sales', version: '1.1.0' });
});
afterEach(() => org.remove());

const yank = (reason: string | null, version = '1.1.0') =>
  setYanked(org.publishing, { plugin: 'sales', version, reason });
const offer = () => org.runtime.view.channels.get('stable')?.resolution['sales'];
const show = (path: string) => org.repository.git('show', `main:${path}`);

describe('setYanked', () => {
  it('commits the reason, and the channel falls back and says why', async () => {
    const head = await org.repository.git('rev-parse', 'main');

    const commit = await yank('it deletes quotes');

    expect(await org.repository.git('rev-list', '--max-count=2', 'main')).toBe(
      `${commit}\n${head}`,
    );
    expect(await show(FILE)).toBe(
      [
        'apiVersion: waymark/v1',
        'kind: ReleaseStatus',
        'spec:',
        '  yanked:',
        '    reason: it deletes quotes',
        `    at: ${new Date(NOW_MS).toISOString()}`,
      ].join('\n'),
    );
    expect(offer()).toMatchObject({
      tag: 'sales--v1.0.0',
      seq: 1,
      peakSeq: 2,
      cause: { kind: 'yank', id: 'sales--v1.1.0' },
    });
    const log = await org.stores.audit.list('acme', 0, 100);
    expect(log.at(-1)).toMatchObject({ action: 'release.yank', after: commit, actor: 'user:ada' });
  });

  it('leaves the tag and what it serves alone', async () => {
    const tags = await org.repository.git('show-ref', '--tags');
    const [release] = org.runtime.view.releases.get('sales')!;

    await yank('broken');

    expect(await org.repository.git('show-ref', '--tags')).toBe(tags);
    expect(org.runtime.view.releases.get('sales')?.[0]).toEqual(release);
    expect((await org.runtime.recordOf(release!)).content.id).toBe('sales');
  });

  it('does nothing twice', async () => {
    const first = await yank('broken');

    expect(await yank('still broken')).toBe(first);
    expect(await yank(null, '1.0.0')).toBe(first);
  });

  it('takes it back, and with it the file that said nothing else', async () => {
    await yank('broken');

    await yank(null);

    await expect(show(FILE)).rejects.toThrow(/does not exist/);
    expect(offer()).toMatchObject({ tag: 'sales--v1.1.0', seq: 2 });
    expect(offer()).not.toHaveProperty('cause');
  });

  it("keeps the file's other words and comments", async () => {
    const file = [
      '# seen by legal',
      'apiVersion: waymark/v1',
      'kind: ReleaseStatus',
      'spec:',
      '  deprecated: {reason: "use 2.x"} # for now',
    ].join('\n');
    await org.commit({ [FILE]: `${file}\n` });

    await yank('broken');
    expect(await show(FILE)).toContain(`${file}\n  yanked:\n    reason: broken`);

    await yank(null);
    expect(await show(FILE)).toBe(file);
  });

  it('says why again when the last release that was left comes back', async () => {
    await yank('broken');
    await yank('broken too', '1.0.0');
    expect(offer()).toBeUndefined();

    await yank(null, '1.0.0');

    expect(offer()).toMatchObject({ seq: 1, peakSeq: 2, cause: { kind: 'yank' } });
  });

  it('retries when somebody else moved main', async () => {
    const overtaken = org.runtime.moveRef.bind(org.runtime);
    let tries = 0;
    org.runtime.moveRef = async (...args) => {
      if (tries++ === 0) await org.repository.commit({ 'README.md': 'first' });
      return await overtaken(...args);
    };

    await yank('broken');

    expect(tries).toBe(2);
    expect(await show('README.md')).toBe('first');
    expect(offer()).toMatchObject({ tag: 'sales--v1.0.0' });
  });

  it('refuses an unknown release, and a main that does not compile', async () => {
    await expect(yank('x', '9.9.9')).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
    await org.commit({ 'registry.yaml': 'broken: [' });

    await expect(yank('broken')).rejects.toMatchObject({
      code: 'REG_GATE_REFUSED',
      facts: { details: { diagnostics: [{ path: 'registry.yaml' }] } },
    });
  });
});
