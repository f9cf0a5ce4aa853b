import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { fileError } from '../../src/model/diagnostic.ts';
import { contract } from '../support/backends.ts';
import {
  makeCondition,
  makeEntry,
  makeOrg,
  makeProvider,
  makeUpstream,
} from '../support/records.ts';

async function withOrgs(stores: Stores): Promise<Stores> {
  for (const slug of ['acme', 'globex']) {
    await stores.orgs.insert(makeOrg(slug, { mode: 'mirror' }), makeEntry({ tenant: '*' }));
    await stores.upstreams.insert(makeUpstream({ org: slug }), makeEntry({ tenant: '*' }));
  }
  return stores;
}

const settings = {
  url: 'ssh://git@git.example/other',
  branch: 'trunk',
  username: null,
  secretRef: 'deploy-key',
  knownHosts: 'git.example ssh-ed25519 AAAA',
  provider: makeProvider({ webhookRefs: ['new-hook', 'old-hook'] }),
};
const status = {
  head: '3'.repeat(40),
  lastAttemptAt: '2026-03-01T12:01:00.000Z',
  lastSuccessAt: null,
  lastError: { reason: 'unreachable', message: 'the upstream cannot be reached' },
};

await contract('UpstreamStore', (stores) => {
  it('insert stores an upstream with its entry', async () => {
    const { upstreams, audit } = await withOrgs(stores());

    expect(await upstreams.find('acme')).toEqual(makeUpstream());
    expect(await upstreams.find('initech')).toBeUndefined();
    expect(await audit.list('*', 0, 10)).toHaveLength(4);
  });

  it('replace changes the settings of that version, and nothing else', async () => {
    const { upstreams, audit } = await withOrgs(stores());
    await upstreams.saveStatus('acme', status);

    expect(await upstreams.replace('acme', settings, 1, makeEntry())).toBe(true);

    expect(await upstreams.find('acme')).toEqual({
      ...makeUpstream(),
      ...settings,
      ...status,
      version: 2,
    });
    expect(await upstreams.find('globex')).toEqual(makeUpstream({ org: 'globex' }));
    expect(await audit.list('acme', 0, 10)).toHaveLength(1);
  });

  it('replace writes nothing over another version', async () => {
    const { upstreams, audit } = await withOrgs(stores());

    expect(await upstreams.replace('acme', settings, 2, makeEntry())).toBe(false);

    expect(await upstreams.find('acme')).toEqual(makeUpstream());
    expect(await audit.list('acme', 0, 10)).toEqual([]);
  });

  it('saveStatus keeps how the last attempt went', async () => {
    const { upstreams } = await withOrgs(stores());

    await upstreams.saveStatus('acme', status);
    await upstreams.saveStatus('nowhere', status);

    expect(await upstreams.find('acme')).toEqual({ ...makeUpstream(), ...status });
    expect(await upstreams.find('globex')).toEqual(makeUpstream({ org: 'globex' }));
  });

  it('saveWriteError keeps why something was not written upstream, until something is', async () => {
    const { upstreams } = await withOrgs(stores());
    const fault = {
      what: 'status',
      reason: 'credentials-refused',
      message: 'the token may not',
    } as const;

    await upstreams.saveWriteError('acme', fault);
    expect(await upstreams.find('acme')).toEqual({ ...makeUpstream(), lastWriteError: fault });
    await upstreams.saveWriteError('acme', null);

    expect(await upstreams.find('acme')).toEqual(makeUpstream());
  });

  it('changeConditions raises and clears those of one org, with the entries', async () => {
    const { upstreams, audit } = await withOrgs(stores());
    const diagnostics = [fileError('plugins/a/plugin.yaml', 'wrong-type', 'title: must be text')];
    const [a, b] = [makeCondition('a'), makeCondition('b', { kind: 'broken-commit', diagnostics })];
    const raised = { raise: [b, a], clear: [], entries: [makeEntry(), makeEntry()] };
    await upstreams.changeConditions('acme', raised);
    const theirs = { raise: [makeCondition('a', { org: 'globex' })], clear: [], entries: [] };
    await upstreams.changeConditions('globex', theirs);

    expect(await upstreams.conditions('acme')).toEqual([a, b]);

    await upstreams.changeConditions('acme', { raise: [], clear: ['a'], entries: [makeEntry()] });

    expect(await upstreams.conditions('acme')).toEqual([b]);
    expect(await upstreams.conditions('globex')).toHaveLength(1);
    expect(await audit.list('acme', 0, 10)).toHaveLength(3);
  });

  it('accept notes who looked at a condition, once', async () => {
    const { upstreams, audit } = await withOrgs(stores());
    const change = { raise: [makeCondition('a')], clear: [], entries: [] };
    await upstreams.changeConditions('acme', change);
    const at = '2026-03-02T12:00:00.000Z';

    const accepted = [
      await upstreams.accept('globex', 'a', { at, by: 'user:eve' }, makeEntry()),
      await upstreams.accept('acme', 'a', { at, by: 'user:ada' }, makeEntry()),
      await upstreams.accept('acme', 'a', { at, by: 'user:ben' }, makeEntry()),
    ];

    expect(accepted).toEqual([false, true, false]);
    expect(await upstreams.conditions('acme')).toEqual([
      makeCondition('a', { acceptedAt: at, acceptedBy: 'user:ada' }),
    ]);
    expect(await audit.list('acme', 0, 10)).toHaveLength(1);
  });

  it('goes with its org', async () => {
    const { upstreams, orgs } = await withOrgs(stores());
    const change = { raise: [makeCondition('a')], clear: [], entries: [] };
    await upstreams.changeConditions('acme', change);

    await orgs.remove('acme', makeEntry());

    expect(await upstreams.find('acme')).toBeUndefined();
    expect(await upstreams.conditions('acme')).toEqual([]);
  });
});
