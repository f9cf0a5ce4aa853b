import type { PluginContext } from './context.ts';
import type { ConfigSchema } from './schema.ts';
import type { HealthReport, HostEvent, JsonObject, PluginResult } from './wire.ts';

/** What a plugin can do, and so what the host asks of it. */
export const PluginCapability = {
  ManagementApi: 'management_api',
  ApiRoutes: 'api_routes',
  AgentQuery: 'agent_query',
  Tools: 'tools',
  ApprovalHook: 'approval_hook',
  DocumentHook: 'document_hook',
  ReleaseHook: 'release_hook',
  PromotionHook: 'promotion_hook',
  DeployHook: 'deploy_hook',
  Integration: 'integration',
  Gate: 'gate',
  StepType: 'step_type',
} as const;
export type PluginCapability = (typeof PluginCapability)[keyof typeof PluginCapability];

/** An event with its data on top: `event.approvalId` is `event.data.approvalId`. */
export type PluginEvent<Data extends object = JsonObject> = HostEvent & Data;

export type ApprovalCreated = PluginEvent<{
  approvalId: string;
  changeNumber?: number;
  promotionId?: string;
  workflowRunId?: string;
  policyId?: string;
  releaseId?: string;
  environmentId?: string;
  requestedBy: string;
  expiresAt?: string;
}>;

export type DocumentReady = PluginEvent<{
  documentId: string;
  pluginId: string;
  title: string;
  versionId: string;
  digest: string;
  url: string;
}>;

export interface PluginTool<C> {
  name: string;
  description?: string;
  /** Zod or JSON Schema; the host checks arguments before it calls. */
  inputSchema?: ConfigSchema<unknown>;
  /** A text, any other JSON value, or what tools answer. */
  // biome-ignore lint/suspicious/noExplicitAny: the schema says what they are, to the host
  call(args: any, ctx: PluginContext<C>): unknown;
}

/** A system that the organisation connects to; its configuration is a file `integrations/<name>.yaml`. */
export interface PluginIntegration<C> {
  /** `<plugin>.<name>` is the type's id. */
  name: string;
  category: 'scm' | 'ci' | 'registry' | 'vault' | 'target' | 'router' | 'notify' | 'automation';
  displayName: string;
  configSchema?: ConfigSchema<C>;
  /** Credentials, kept apart from the configuration. */
  secretsSchema?: ConfigSchema<unknown>;
  resourceTypes?: readonly string[];
  test?(ctx: PluginContext<C>): Promise<IntegrationCheck>;
  health?(ctx: PluginContext<C>): Promise<HealthReport>;
  discover?(
    asked: { resourceType: string; query?: string; page?: number },
    ctx: PluginContext<C>,
  ): Promise<{ resources: readonly IntegrationResource[] }>;
  operations?: Readonly<
    Record<string, (params: JsonObject, ctx: PluginContext<C>) => Promise<unknown>>
  >;
}

export interface IntegrationCheck {
  ok: boolean;
  checks: readonly { name: string; ok: boolean; message?: string }[];
}

export interface IntegrationResource {
  id: string;
  name: string;
  type: string;
  metadata?: JsonObject;
}

/** One plugin as an object: what it is called, how it is configured, and what it does when. */
export interface IntegrationPlugin<C = JsonObject> {
  id: string;
  name: string;
  category: string;
  configSchema?: ConfigSchema<C>;
  capabilities: readonly PluginCapability[];
  /** Once for each configuration, before anything else is asked. */
  init?(ctx: PluginContext<C>): unknown;
  onAgentQuery?(query: string, ctx: PluginContext<C>): Promise<readonly Answered[]>;
  onApprovalCreated?(event: ApprovalCreated, ctx: PluginContext<C>): unknown;
  onDocumentReady?(event: DocumentReady, ctx: PluginContext<C>): unknown;
  /** Every event that has no handler of its own here. */
  onEvent?(event: PluginEvent, ctx: PluginContext<C>): unknown;
  tools?: readonly PluginTool<C>[];
  integrations?: readonly PluginIntegration<C>[];
}

/** The host says whose it is. */
type Answered = PluginResult & { pluginId?: string };
