import { describe, expect, it } from 'vitest';
import type { Binding } from '../../src/plugin-host/binding.ts';
import type { KvPlace } from '../../src/plugin-host/callbacks/kv-store.ts';
import { forgetBindings, sweepBindings } from '../../src/plugin-host/forget-bindings.ts';
import { bareBinding } from '../../src/plugin-host/question.ts';
import { acting, openHost } from '../support/callbacks.ts';
import { compileFiles, snapshotOf } from '../support/compile.ts';
import { registryYaml, smallRegistry, yaml } from '../support/registry.ts';

const DAY_MS = 86_400_000;
const desk = { scope: 'namespace', id: 'sales.desk' } as const;
const other = { scope: 'namespace', id: 'legal.desk' } as const;

const placeOf = ({ scope, id: binding }: typeof desk | typeof other): KvPlace => ({
  org: 'acme',
  source: 'host',
  pluginId: 'desk',
  scope,
  binding,
});

const plugin = 'host:desk';

async function open() {
  const host = await openHost();
  const { stores, secrets } = host;
  const kv = stores.pluginValues;
  const give = async (ref: typeof desk | typeof other, field = 'token') => {
    const values = new Map([[field, 'a secret']]);
    const names = await secrets.put('acme', ref, values, { plugin, origins: [] }, acting);
    return names.get(field)!;
  };
  const namesOf = async (ref: typeof desk | typeof other) =>
    (await stores.bindingSecrets.list('acme', ref)).map(({ name }) => name);
  const write = (ref: typeof desk | typeof other) => {
    const use = { field: 'session', name: undefined, plugin, origins: [] };
    return secrets.overwrite('acme', ref, use, 'of the plugin', acting);
  };
  const keep = (ref: typeof desk | typeof other) => kv.put(placeOf(ref), 'a', '1', 100);
  const kept = (ref: typeof desk | typeof other) => kv.find(placeOf(ref), 'a');
  return { ...host, kv, give, namesOf, write, keep, kept };
}

const bound = (config: Binding['config']): Binding => ({ ...bareBinding('desk'), ...desk, config });

describe('forgetBindings', () => {
  it('removes values, what a plugin wrote, and the secrets that were named', async () => {
    const { kv, secrets, give, namesOf, write, keep, kept } = await open();
    const name = await give(desk);
    const [proposed, others] = [await give(desk), await give(other)];
    await write(desk);
    await keep(desk);
    await keep(other);

    const gone = bound({ auth: [{ token: { secretRef: name } }], more: { secretRef: others } });
    await forgetBindings({ kv, secrets }, 'acme', [gone]);

    expect([await kept(desk), await kept(other)]).toEqual([undefined, '1']);
    expect([await namesOf(desk), await namesOf(other)]).toEqual([[proposed], [others]]);
  });

  it('removes an integration’s credentials', async () => {
    const { kv, secrets, give, namesOf } = await open();
    const name = await give(desk);

    const credentials = { token: { secretRef: name } };
    await forgetBindings({ kv, secrets }, 'acme', [{ ...bound({}), credentials }]);

    expect(await namesOf(desk)).toEqual([]);
  });
});

describe('sweepBindings', () => {
  /** A registry with the one of sales, which names this secret. */
  async function sweeping(
    name: string,
    { stores, clock, kv, secrets }: Awaited<ReturnType<typeof open>>,
  ) {
    const plugins = `{desk: {config: {token: {secretRef: ${name}}}}}`;
    const files = smallRegistry({
      'registry.yaml': registryYaml('departments: {field: {}}, plugins: {desk: {}}'),
      'namespaces/sales.yaml': yaml('Namespace', `department: field, plugins: ${plugins}`),
    });
    const view = { published: snapshotOf(await compileFiles(files)) };
    const runtimes = { find: (org: string) => (org === 'acme' ? { maybeView: view } : undefined) };
    const { bindingSecrets } = stores;
    const deps = { runtimes: runtimes as never, kv, secrets, bindingSecrets, clock };
    return (org: string) => sweepBindings(deps, org);
  }

  it('removes the values of bindings that are not there', async () => {
    const all = await open();
    const sweep = await sweeping('none', all);
    await all.keep(desk);
    await all.keep(other);

    await sweep('acme');

    expect([await all.kept(desk), await all.kept(other)]).toEqual(['1', undefined]);
  });

  it('removes secrets that nothing has named for 30 days', async () => {
    const all = await open();
    const named = await all.give(desk);
    await all.write(desk);
    await all.give(desk);
    await all.give(other);
    await all.write(other);
    const sweep = await sweeping(named, all);
    all.time.now += 30 * DAY_MS + 1;
    const proposed = await all.give(other);

    await sweep('acme');

    expect(await all.namesOf(desk)).toEqual([named, 'written.session']);
    expect(await all.namesOf(other)).toEqual([proposed]);
  });

  it('leaves an org alone that serves nothing', async () => {
    const all = await open();
    const sweep = await sweeping('none', all);
    await all.keep(other);

    await sweep('globex');

    expect(await all.kept(other)).toBe('1');
  });
});
