import type { Caller } from '../identity/caller.ts';
import type { Binding } from './binding.ts';
import type { WireMethod } from './contract/wire.ts';
import type { HostCall } from './plugin-host.ts';

/** One call into a guest, for one binding. */
export interface Question extends Pick<HostCall, 'overlay' | 'read'> {
  method: WireMethod;
  params: object;
  binding: Binding;
  /** The same binding as it is served by then. @throws where it is off or gone */
  current?(): Binding;
  requestId: string;
  caller?: Caller;
  signal?: AbortSignal;
  deadlineMs?: number;
}

/** Of a plugin that is asked about itself, or that the org has given no configuration. */
export const bareBinding = (pluginId: string): Binding => ({
  scope: 'org',
  id: pluginId,
  pluginId,
  namespaceId: null,
  departmentId: null,
  isEnabled: true,
  config: {},
  path: 'registry.yaml',
  configDigest: '',
});
