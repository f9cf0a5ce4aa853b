import { expect, it } from 'vitest';
import type { OrgRuntime } from '../../src/delivery/runtime.ts';
import { WaymarkError } from '../../src/model/errors.ts';
import { OrgHost } from '../../src/plugin-host/org-host.ts';
import { compileFiles, snapshotOf } from '../support/compile.ts';
import { registryYaml, smallRegistry } from '../support/registry.ts';
import { makePart, openSlot } from '../support/slots.ts';

const management = { manifest: { capabilities: { management_api: true } } };
const registered = {
  metadata: { Name: 'Example', Version: '1', Author: 'Acme', GitHubRepository: 'acme/e' },
};
const registering = (id: string, register: () => unknown = () => registered) =>
  makePart(
    { 'plugin.register': register, 'management.register': () => ({ Resources: [{ Path: '/a' }] }) },
    { ...management, id },
  );

/** An org that has them all on. */
async function hostOf(parts: ReturnType<typeof makePart>[], unconfined: string[] = []) {
  const plugins = parts.map(({ id }) => `${id}: {}`).join(', ');
  const serving = async (registry: string) => ({
    published: snapshotOf(await compileFiles(smallRegistry({ 'registry.yaml': registry }))),
  });
  const runtime = {
    org: { slug: 'acme' },
    maybeView: await serving(registryYaml(`plugins: {${plugins}}`)),
    closing: new AbortController().signal,
  };
  const { deps: slots } = openSlot(parts[0]!, {}, { unconfined: new Set(unconfined) });
  const host = new OrgHost(runtime as unknown as OrgRuntime, {
    slots,
    siteParts: () => parts,
    registryParts: async () => [],
    isOnSite: () => true,
    log: slots.log,
  });
  host.takeUp();
  return {
    host,
    pagesOf: (id: string) => host.find(id)?.pages.length,
    /** Takes up another registry, which has none of them on. */
    switchOff: async () => {
      runtime.maybeView = await serving(registryYaml());
      host.takeUp();
    },
  };
}

it('loads the routes of one, while another is still loading', async () => {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<unknown>();
  const slow = registering('slow', () => {
    begun.resolve();
    return end.promise;
  });
  const { host, pagesOf } = await hostOf([slow, registering('quick')]);

  const loading = host.loadRoutes();
  await begun.promise;
  await host.loadRoutes('quick');
  expect([pagesOf('quick'), pagesOf('slow')]).toEqual([1, 0]);

  end.resolve(registered);
  await loading;
  expect(pagesOf('slow')).toBe(1);
});

it('loads with them those whose routes may stand anywhere', async () => {
  const { host, pagesOf } = await hostOf(
    ['wide', 'narrow', 'asked'].map((id) => registering(id)),
    ['wide'],
  );

  await host.loadRoutes('asked');

  expect(['asked', 'wide', 'narrow'].map(pagesOf)).toEqual([1, 1, 0]);
});

it('says why the routes of the one that was asked for are not there, and no other’s', async () => {
  const broken = registering('broken', () => {
    throw new WaymarkError('PLG_TIMEOUT', 'it took too long');
  });
  const { host } = await hostOf([broken, registering('fine')], ['broken']);

  await expect(host.loadRoutes('broken')).rejects.toThrow('it took too long');
  await host.loadRoutes('fine');
  await host.loadRoutes();
  await expect(host.loadRoutes('broken')).rejects.toMatchObject({ code: 'PLG_BREAKER_OPEN' });
  expect(broken.guests).toHaveLength(3);
});

it('has switched off what the served registry has, before it is read again', async () => {
  const { host, switchOff } = await hostOf([registering('quick')]);
  await host.settled();
  const wasOn = host.find('quick')?.isEnabled;

  await switchOff();

  expect([wasOn, host.find('quick')?.isEnabled, host.plugins[0]?.isEnabled]).toEqual([
    true,
    false,
    false,
  ]);
});
