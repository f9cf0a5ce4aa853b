export const CAPABILITIES = [
  'management_api',
  'api_routes',
  'agent_query',
  'tools',
  'approval_hook',
  'document_hook',
  'release_hook',
  'promotion_hook',
  'deploy_hook',
  'integration',
  'gate',
  'step_type',
] as const;
export type Capability = (typeof CAPABILITIES)[number];

export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a server part asks to be allowed; a binding's `grants` say what of it it gets. */
export interface PluginPermissions {
  http?: readonly HttpPermission[];
  kv?: boolean;
  /** Names of `writeOnly` fields whose value `ctx.config` has. */
  secrets?: readonly string[];
  read?: readonly string[];
  model?: boolean;
  /** Routes without authentication. */
  publicRoutes?: boolean;
}

export interface HttpPermission {
  /** A name, `*.name`, or `config:/pointer`: the host that an admin configured. */
  hosts: readonly string[];
  methods?: readonly string[];
}

export type RateTier = 'read' | 'write' | 'api' | 'auth' | 'strict' | 'webhook';

export interface ApiRoute {
  method: string;
  /** Such as `items/[id]` or `files/[...rest]`. */
  path: string;
  auth: 'user' | 'public';
  rateTier: RateTier;
  /** What a caller must have besides the scope. */
  permission?: string;
  /** A page of the same server part may call it by the console's bridge. */
  bridge?: boolean;
  input?: JsonSchema;
  description?: string;
}

export interface IntegrationTypeManifest {
  name: string;
  category: string;
  displayName: string;
  configSchema?: JsonSchema;
  secretsSchema?: JsonSchema;
  resourceTypes?: readonly string[];
  operations?: readonly string[];
}

export interface ToolManifest {
  name: string;
  description?: string;
  inputSchema?: JsonSchema;
}

export interface NamedManifest {
  name: string;
  displayName?: string;
  description?: string;
  configSchema?: JsonSchema;
  outputsSchema?: JsonSchema;
}

/** `plugin.json`, checked and with its defaults. */
export interface PluginManifest {
  id: string;
  displayName: string;
  /** Of a registry's: its tag's, when it does not say. */
  version?: string;
  author: string;
  repository: string;
  category: string;
  schemaVersion: number;
  engines?: { waymark?: string };
  runtime: 'sandbox' | 'process';
  /** The one script, beside `plugin.json`. */
  entry: string;
  capabilities: ReadonlySet<Capability>;
  /** Events by their type, `*` for all of its capabilities'. */
  hooks: readonly string[];
  configSchema?: JsonSchema;
  permissions: PluginPermissions;
  apiRoutes: readonly ApiRoute[];
  integrationTypes: readonly IntegrationTypeManifest[];
  gates: readonly NamedManifest[];
  stepTypes: readonly NamedManifest[];
  tools: readonly ToolManifest[];
  limits: { memoryMb?: number };
}
