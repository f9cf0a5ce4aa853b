import type { Caller } from '../identity/caller.ts';
import { departmentScope, type OrgPolicy, policyOf } from '../identity/org-policy.ts';
import { WaymarkError } from '../model/errors.ts';
import type { NamespaceSpec } from '../registry/kinds.ts';
import { documentsOf, type Snapshot } from '../registry/snapshot.ts';

export interface Namespace extends NamespaceSpec {
  id: string;
  /** Of its file. */
  path: string;
}

type Config = Snapshot['config'];

/** Those of the departments that the caller acts in: no other is there for them. */
export function namespacesOf(config: Config, caller: Caller): Namespace[] {
  const isInScope = scopeTest(caller, policyOf(config));
  return documentsOf({ config }, 'Namespace')
    .filter(({ spec }) => isInScope(spec.department))
    .map(({ name, path, spec }) => ({ id: name, path, ...spec }));
}

/** @throws {WaymarkError} `RES_NOT_FOUND` */
export function getNamespace(config: Config, caller: Caller, id: string): Namespace {
  const found = namespacesOf(config, caller).find((one) => one.id === id);
  if (found) return found;
  throw new WaymarkError('RES_NOT_FOUND', `there is no namespace ${id}`);
}

export function scopeTest(caller: Caller, policy: OrgPolicy): (department: string) => boolean {
  const scope = departmentScope(caller, policy);
  return (department) => scope === 'all' || scope.has(department);
}
