import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HookEvent } from '../../src/plugin-host/events/event.ts';
import { publishNamed, publishVersion } from '../../src/release/publish.ts';
import { setYanked } from '../../src/release/yank.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import { plugin, skill, smallRegistry, yaml } from '../support/registry.ts';

const context = (body: string, title = 'Tone') =>
  yaml('Context', `body: ${body}`, `title: ${title}`);
const TONE = 'plugins/sales/contexts/tone.yaml';

let org: TestOrg;
let known: Set<string>;
beforeEach(async () => {
  org = await makeTestOrg(smallRegistry({ [TONE]: context('be kind') }));
  known = new Set((await all()).map(({ id }) => id));
});
afterEach(() => org.remove());

const all = () => org.stores.events.unsettled('acme', 1000);
/** What was raised since the registry was there. */
const raised = async (): Promise<HookEvent[]> => (await all()).filter(({ id }) => !known.has(id));
const typesOf = (events: readonly HookEvent[]) => events.map(({ type }) => type);

describe('a context', () => {
  it('is ready once it is compiled and served', async () => {
    const [first] = (await all()) as [HookEvent];
    const record = org.runtime.view.published.records.get('sales')!;
    const { digest } = record.content.objects.find(({ type }) => type === 'context')!;

    expect(first).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      org: 'acme',
      type: 'document.ready',
      at: '2026-03-01T12:00:00.000Z',
      plugins: ['sales'],
      environments: [],
      mark: `document.ready sales.context.tone ${digest}`,
      data: {
        documentId: 'sales.context.tone',
        pluginId: 'sales',
        title: 'Tone',
        versionId: org.repository.head,
        digest,
        url: '/v1/orgs/acme/delivery/config-objects/sales.context.tone/download',
      },
    });
  });

  it('is ready again with other content, and once for each', async () => {
    await org.commit({ [TONE]: context('be brief') });
    await org.commit({ [TONE]: context('be kind') });
    await org.commit({ [TONE]: context('be brief') });

    expect((await raised()).map(({ data }) => data['documentId'])).toEqual(['sales.context.tone']);
  });

  it('says nothing where something else changes, or nothing compiles', async () => {
    await org.commit({ 'plugins/sales/skills/quote.yaml': skill('better') });
    await org.commit({
      [TONE]: context('be loud'),
      'plugins/ops/plugin.yaml': plugin('version: x'),
    });

    expect(await raised()).toEqual([]);
  });

  it('that plugins share is about each of them, and ready once', async () => {
    await org.commit({
      'objects/contexts/law.yaml': context('obey', 'Law'),
      'plugins/sales/plugin.yaml': plugin('include: [objects.context.law]'),
      'plugins/ops/plugin.yaml': plugin('include: [objects.context.law]', 'Ops'),
    });

    expect(await raised()).toMatchObject([
      {
        type: 'document.ready',
        plugins: ['ops', 'sales'],
        data: { documentId: 'objects.context.law' },
      },
    ]);
  });

  it('is not ready again after a restart', async () => {
    await org.restart();

    expect(await raised()).toEqual([]);
  });
});

describe('a release', () => {
  it('is created and published with its tag, by whoever publishes', async () => {
    await publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });

    const { contentDigest } = org.runtime.view.published.records.get('sales')!.content;
    const plugins = [{ pluginId: 'sales', version: '1.0.0', contentDigest }];
    const data = { releaseId: 'sales--v1.0.0', plugins, by: 'user:ada' };
    expect(await raised()).toMatchObject([
      { type: 'release.created', plugins: ['sales'], data },
      { type: 'release.published', plugins: ['sales'], data },
    ]);
  });

  it('of several plugins is one event, by its name', async () => {
    for (const name of ['sales', 'ops']) {
      await publishVersion(org.publishing, { plugin: name, version: '1.0.0' });
    }
    known = new Set((await all()).map(({ id }) => id));
    const components = ['sales', 'ops'].map((componentId) => ({ componentId, version: '1.0.0' }));

    await publishNamed(org.publishing, { name: '2026-03', components });

    expect(await raised()).toMatchObject([
      { type: 'release.created', plugins: ['ops', 'sales'], data: { releaseId: '2026-03' } },
      { type: 'release.published', plugins: ['ops', 'sales'], data: { releaseId: '2026-03' } },
    ]);
  });

  it('is yanked as often as it is, with the reason, by whoever does', async () => {
    await publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });
    known = new Set((await all()).map(({ id }) => id));
    const yank = (reason: string | null) =>
      setYanked(org.publishing, { plugin: 'sales', version: '1.0.0', reason });

    await yank('it deletes quotes');
    await yank(null);
    await yank('it still does');

    const yanked = { releaseId: 'sales--v1.0.0', by: 'user:ada' };
    expect(await raised()).toMatchObject([
      { type: 'release.yanked', data: { ...yanked, reason: 'it deletes quotes' } },
      { type: 'release.yanked', data: { ...yanked, reason: 'it still does' } },
    ]);
  });

  it('is deprecated or blocked by what its file says, and only while there is one', async () => {
    await publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });
    known = new Set((await all()).map(({ id }) => id));
    const status = (spec: string) => yaml('ReleaseStatus', spec);

    await org.commit({
      'releases/sales/1.0.0.yaml': status('deprecated: {reason: old}, blocked: {reason: bad}'),
      'releases/sales/9.9.9.yaml': status('blocked: {reason: never was}'),
    });

    const events = await raised();
    expect(typesOf(events)).toEqual(['release.deprecated', 'release.blocked']);
    expect(events[1]).toMatchObject({ plugins: ['sales'], data: { reason: 'bad' } });
  });
});
