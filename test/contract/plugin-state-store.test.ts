import { expect, it } from 'vitest';
import { contract } from '../support/backends.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const at = '2026-03-01T12:00:00.000Z';
const entry = makeEntry({ action: 'plugin.stop' });
const ref = { scope: 'namespace', id: 'west.chat' } as const;
const stop = { org: 'acme', ...ref, change: 7, at };

await contract('PluginStateStore', (stores) => {
  const audited = async (tenant: string) =>
    (await stores().audit.list(tenant, 0, 10)).map(({ action }) => action);

  it('keeps what was said last of a host plugin', async () => {
    const { pluginStates } = stores();
    const said = makeEntry({ tenant: '*', action: 'host-plugin.disable' });

    await pluginStates.saveHostPlugin({ id: 'b', isEnabled: false, approvedDigest: null }, said);
    await pluginStates.saveHostPlugin({ id: 'a', isEnabled: true, approvedDigest: 'd1' }, said);
    await pluginStates.saveHostPlugin({ id: 'b', isEnabled: true, approvedDigest: 'd2' }, said);

    expect(await pluginStates.hostPlugins()).toEqual([
      { id: 'a', isEnabled: true, approvedDigest: 'd1' },
      { id: 'b', isEnabled: true, approvedDigest: 'd2' },
    ]);
    expect(await audited('*')).toHaveLength(3);
  });

  it('keeps one stop of a binding, for the change that was last to ask for it', async () => {
    const { orgs, pluginStates } = stores();
    await orgs.insert(makeOrg('acme'), makeEntry());

    await pluginStates.stop(stop, entry);
    await pluginStates.stop({ ...stop, scope: 'integration', id: 'chat' }, entry);
    await pluginStates.stop({ ...stop, change: 8 }, entry);

    expect(await pluginStates.stops('acme')).toEqual([
      { ...stop, scope: 'integration', id: 'chat' },
      { ...stop, change: 8 },
    ]);
    expect(await pluginStates.stops('beta')).toEqual([]);
  });

  it('lifts a stop once, with an audit entry', async () => {
    const { orgs, pluginStates } = stores();
    await orgs.insert(makeOrg('acme'), makeEntry());
    await orgs.insert(makeOrg('beta'), makeEntry());
    await pluginStates.stop(stop, entry);
    const lifted = makeEntry({ action: 'plugin.resume' });

    expect(await pluginStates.resume('beta', ref, lifted)).toBe(false);
    expect(await pluginStates.resume('acme', ref, lifted)).toBe(true);
    expect(await pluginStates.resume('acme', ref, lifted)).toBe(false);

    expect(await pluginStates.stops('acme')).toEqual([]);
    expect((await audited('acme')).slice(-2)).toEqual(['plugin.stop', 'plugin.resume']);
  });

  it('goes with its org', async () => {
    const { orgs, pluginStates } = stores();
    await orgs.insert(makeOrg('acme'), makeEntry());
    await pluginStates.stop(stop, entry);

    await orgs.remove('acme', makeEntry());

    expect(await pluginStates.stops('acme')).toEqual([]);
    await expect(pluginStates.stop(stop, entry)).rejects.toThrow();
  });
});
