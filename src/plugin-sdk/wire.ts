/**
 * What host and plugin say to each other, as the plugin sees it. The package's users compile
 * against this, so it stands alone: nothing of the host is imported here.
 *
 * @see docs/spec/plugin-host.md, "Wire"
 */

export type JsonObject = Readonly<Record<string, unknown>>;

/** Beside the parameters of every call. */
export interface GuestCall {
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal;
  deadlineMs: number;
}

export interface WireContext {
  orgId: string;
  namespaceId: string | null;
  departmentId: string | null;
  scope: 'org' | 'namespace' | 'integration';
  config: JsonObject;
  requestId: string;
  host_callback_id: string;
}

/** Header and query names are canonical, each value is a list, the body is standard base64. */
export interface WireRequest {
  Method: string;
  Path: string;
  Headers: Readonly<Record<string, readonly string[]>>;
  Query: Readonly<Record<string, readonly string[]>>;
  Body: string;
  host_callback_id: string;
  context: WireContext;
}

export interface WireAnswer {
  /** 0 or none is 200. */
  StatusCode?: number;
  Headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Standard base64. */
  Body?: string;
}

export interface Principal {
  id: string;
  /** `user`, `apiKey`, … or `anonymous` on a public route. */
  type: string;
  roles: readonly string[];
  permissions: readonly string[];
  scopes: readonly string[];
  departmentIds: readonly string[];
}

export interface ApiRequest extends WireRequest {
  /** The route's own path, such as `items/[id]`. */
  Endpoint: string;
  Params: Readonly<Record<string, string | readonly string[]>>;
  Principal: Principal;
}

export interface HostEvent {
  /** Stable: an event may come twice. */
  id: string;
  /** Such as `approval.created`. */
  type: string;
  timestamp: string;
  orgId: string;
  namespaceId: string | null;
  departmentId: string | null;
  data: JsonObject;
}

export interface PluginResult {
  type: string;
  title: string;
  text?: string;
  data?: JsonObject;
  /** 0 to 1. */
  score?: number;
  source?: { name: string; url?: string; retrievedAt: string };
  mock?: boolean;
  expiresAt?: string;
}

export interface ToolResult {
  content: readonly { type: 'text'; text: string }[];
  structuredContent?: JsonObject;
  isError?: boolean;
}

export interface ConfigVerdict {
  valid: boolean;
  /** `field` is a JSON pointer into the configuration. */
  errors: readonly { field: string; message: string }[];
}

export interface HealthReport {
  status: 'healthy' | 'degraded' | 'unhealthy';
  message?: string;
  checks?: readonly { name: string; status: string; message?: string }[];
}

export interface ManagementRegistration {
  Routes?: readonly { Method?: string; Path: string; Menu?: string; Description?: string }[];
  Resources?: readonly { Path: string; Menu?: string; Description?: string }[];
}

export interface GateVerdict {
  status: 'pass' | 'fail' | 'wait' | 'error' | 'skipped';
  reasonCode?: string;
  message: string;
  retryAt?: string;
}

export interface StepAnswer {
  status: string;
  state?: unknown;
  outputs?: JsonObject;
  error?: { code: string; message: string };
  pollAfterSec?: number;
}

interface InContext {
  context: WireContext;
}

interface StepCall extends InContext {
  stepRunId: string;
  type: string;
  config: JsonObject;
  inputs: JsonObject;
  idempotencyKey: string;
  state?: unknown;
}

interface IntegrationCall extends InContext {
  integration: { id: string; type: string };
}

/** Parameters and answer of each method. */
export interface WireMethods {
  'plugin.register': [{ schema_version: number; plugin_id: string; config: JsonObject }, object];
  'plugin.reconfigure': [{ schema_version: number; plugin_id: string; config: JsonObject }, object];
  'plugin.init': [InContext, object];
  'plugin.health': [object, HealthReport];
  'plugin.shutdown': [{ reason: string }, object];
  /** `type` of an integration. */
  'config.validate': [{ config: JsonObject; scope: string; type?: string }, ConfigVerdict];
  'management.register': [
    { Plugin: string; BasePath: string; ResourceBasePath: string },
    ManagementRegistration,
  ];
  'management.handle': [WireRequest, WireAnswer];
  'api.handle': [ApiRequest, WireAnswer];
  'hook.handle': [InContext & { event: HostEvent }, object];
  'agent.query': [InContext & { query: string }, { results: readonly PluginResult[] }];
  'tool.call': [InContext & { name: string; arguments: JsonObject }, ToolResult];
  'gate.evaluate': [
    InContext & {
      gate: string;
      config: JsonObject;
      promotion: JsonObject;
      release: JsonObject;
      environment: JsonObject;
      now: string;
    },
    GateVerdict,
  ];
  'step.start': [StepCall, StepAnswer];
  'step.poll': [StepCall, StepAnswer];
  'step.cancel': [StepCall, StepAnswer];
  'integration.test': [IntegrationCall, object];
  'integration.discover': [
    IntegrationCall & { resourceType: string; query?: string; page?: number },
    object,
  ];
  'integration.health': [IntegrationCall, HealthReport];
  'integration.call': [IntegrationCall & { operation: string; params: JsonObject }, unknown];
}

export const WIRE_METHODS = [
  'plugin.register',
  'plugin.reconfigure',
  'plugin.init',
  'plugin.health',
  'plugin.shutdown',
  'config.validate',
  'management.register',
  'management.handle',
  'api.handle',
  'hook.handle',
  'agent.query',
  'tool.call',
  'gate.evaluate',
  'step.start',
  'step.poll',
  'step.cancel',
  'integration.test',
  'integration.discover',
  'integration.health',
  'integration.call',
] as const satisfies readonly (keyof WireMethods)[];

export type WireMethod = (typeof WIRE_METHODS)[number];

export type WireHandler<M extends WireMethod> = (
  params: WireMethods[M][0],
  call: GuestCall,
) => WireMethods[M][1] | Promise<WireMethods[M][1]>;

/** What a packed plugin exports: all that the host ever asks of it. */
export type MethodTable = { readonly [M in WireMethod]?: WireHandler<M> };
