import { randomUUID } from 'node:crypto';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import { type Clock, toTime } from '../model/clock.ts';
import type { Binding } from './binding.ts';
import { bindingsOf } from './bindings-of.ts';
import type { BindingSecretStore } from './callbacks/binding-secret.ts';
import { type BindingSecrets, isWrittenByPlugin } from './callbacks/binding-secrets.ts';
import type { KvStore } from './callbacks/kv-store.ts';
import type { BindingRef } from './contract/wire.ts';
import { referencesIn } from './references.ts';

export interface ForgetDeps {
  kv: Pick<KvStore, 'bindings' | 'clear'>;
  secrets: Pick<BindingSecrets, 'remove'>;
}

/** What a plugin kept for bindings that are gone, and the secrets that they named. */
export async function forgetBindings(
  { kv, secrets }: ForgetDeps,
  org: string,
  gone: readonly Binding[],
): Promise<void> {
  for (const binding of gone) {
    const named = namesIn(binding);
    await kv.clear(org, binding);
    // Others may be of a change that is proposed, or of the next binding of that name.
    const isGone = ({ name }: { name: string }) => named.has(name) || isWrittenByPlugin(name);
    await secrets.remove(org, binding, byItself(), isGone);
  }
}

/** A change request may stay open for so long, and a commit be reverted. */
const UNNAMED_MS = 30 * 86_400_000;

interface SweepDeps extends ForgetDeps {
  runtimes: Pick<OrgRuntimes, 'find'>;
  bindingSecrets: Pick<BindingSecretStore, 'bindings'>;
  clock: Clock;
}

/**
 * What is left of bindings that an org's registry does not have: their values, where the server
 * stopped before they were taken away, and secrets that nothing has named for long.
 */
export async function sweepBindings(deps: SweepDeps, org: string): Promise<void> {
  const { runtimes, kv, secrets, bindingSecrets, clock } = deps;
  const config = runtimes.find(org)?.maybeView?.published.config;
  if (!config) return;
  const bindings = new Map(bindingsOf(config).map((binding) => [keyOf(binding), binding]));
  for (const ref of await kv.bindings(org)) {
    if (!bindings.has(keyOf(ref))) await kv.clear(org, ref);
  }
  const before = toTime(clock() - UNNAMED_MS);
  for (const ref of await bindingSecrets.bindings(org)) {
    const binding = bindings.get(keyOf(ref));
    const named = binding ? namesIn(binding) : new Set();
    await secrets.remove(org, ref, byItself(), ({ name, updatedAt }) => {
      const isUsed = named.has(name) || (binding !== undefined && isWrittenByPlugin(name));
      return !isUsed && updatedAt < before;
    });
  }
}

const keyOf = ({ scope, id }: BindingRef): string => `${scope} ${id}`;

const namesIn = ({ config, credentials }: Binding): ReadonlySet<unknown> =>
  new Set([...referencesIn(config).values(), ...referencesIn(credentials).values()]);

const byItself = () => ({ actor: 'system:reconciler', requestId: randomUUID() });
