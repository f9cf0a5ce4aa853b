/**
 * What host and server part say to each other: JSON text, and nothing else.
 *
 * @see docs/spec/plugin-host.md, "Wire"
 */
export type WireMethod =
  | 'plugin.register'
  | 'plugin.reconfigure'
  | 'plugin.init'
  | 'plugin.health'
  | 'plugin.shutdown'
  | 'config.validate'
  | 'management.register'
  | 'management.handle'
  | 'api.handle'
  | 'hook.handle'
  | 'agent.query'
  | 'tool.call'
  | 'gate.evaluate'
  | 'step.start'
  | 'step.poll'
  | 'step.cancel'
  | 'integration.test'
  | 'integration.discover'
  | 'integration.health'
  | 'integration.call';

const SHORT: ReadonlySet<WireMethod> = new Set([
  'plugin.register',
  'plugin.reconfigure',
  'plugin.init',
  'plugin.health',
  'management.register',
  'hook.handle',
  'agent.query',
  'integration.health',
]);
const SHORTEST: ReadonlySet<WireMethod> = new Set(['config.validate', 'plugin.shutdown']);

/** How long a call may take, loading apart. */
export const deadlineOf = (method: WireMethod): number =>
  SHORTEST.has(method) ? 1000 : SHORT.has(method) ? 5000 : 10_000;

/** Which of an org's bindings a call is for. */
export interface BindingRef {
  scope: 'org' | 'namespace' | 'integration';
  /** `<pluginId>`, `<namespace>.<pluginId>` or the integration's name. */
  id: string;
}

/** What a server part is told of who and what a call is about. Its record in the host counts, not this. */
export interface CallContext {
  orgId: string;
  namespaceId: string | null;
  departmentId: string | null;
  scope: BindingRef['scope'];
  config: Readonly<Record<string, unknown>>;
  requestId: string;
  host_callback_id: string;
}

/** As `management.handle` and `api.handle` get a request: names canonical, each value a list. */
export interface WireRequest {
  Method: string;
  Path: string;
  Headers: Readonly<Record<string, readonly string[]>>;
  Query: Readonly<Record<string, readonly string[]>>;
  /** Standard base64; empty for none. */
  Body: string;
  host_callback_id: string;
}

/** On behalf of whom an `api.handle` is called. */
export interface WirePrincipal {
  id: string;
  type: string;
  roles: readonly string[];
  permissions: readonly string[];
  scopes: readonly string[];
  departmentIds: readonly string[];
}
