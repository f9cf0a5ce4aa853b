/** Generated from schemas/ by `npm run generate`: change those, never this. */
/**
 * What the grant allows.
 */
export type Role = 'viewer' | 'editor' | 'manager';
/**
 * Lower-case letters, digits and single hyphens between them.
 */
export type PluginId = string;
/**
 * A path inside the object's own folder, such as ./SKILL.md.
 */
export type RelativePath = string;
/**
 * A model's name, or one for each client tool.
 */
export type Model =
  | string
  | {
      [k: string]: string;
    };
/**
 * Lower-case letters, digits, dots, underscores and hyphens, at most 128.
 */
export type ObjectId = string;
/**
 * Ids of the objects that this one needs beside it.
 */
export type Requires = ObjectId[];
/**
 * user:, team:, role:, client: or system: and an id.
 */
export type Principal = string;
/**
 * A range of semantic versions such as ^1.2.0.
 */
export type SemverRange = string;
/**
 * An RFC 3339 time such as 2026-11-02T09:00:00Z.
 */
export type Time = string;
/**
 * A name for people, on one line.
 */
export type Title = string;
/**
 * What the installer asks for; a value is used as ${NAME}.
 *
 * Items: One value to ask for.
 */
export type Inputs = {
  /**
   * As it stands in ${NAME}.
   */
  name: string;
  /**
   * What to enter, and where to get it.
   */
  description?: string;
  /**
   * Kept in the client's secret store, never in a file.
   */
  secret?: boolean;
  /**
   * The object does not work without it.
   */
  required?: boolean;
  /**
   * Used when nothing is entered. A secret has none.
   */
  default?: string;
}[];

/**
 * The `spec` of a document, by its kind.
 */
export interface SpecByKind {
  Access: AccessSpec;
  Agent: AgentSpec;
  ApprovalPolicy: ApprovalPolicySpec;
  Channel: ChannelSpec;
  Command: CommandSpec;
  Context: ContextSpec;
  Custom: CustomSpec;
  Environment: EnvironmentSpec;
  FreezeWindow: FreezeWindowSpec;
  Hook: HookSpec;
  Integration: IntegrationSpec;
  Marketplace: MarketplaceSpec;
  Mcp: McpSpec;
  Namespace: NamespaceSpec;
  Plugin: PluginSpec;
  Registry: RegistrySpec;
  ReleaseStatus: ReleaseStatusSpec;
  RolloutStrategy: RolloutStrategySpec;
  Skill: SkillSpec;
  Target: TargetSpec;
  Team: TeamSpec;
  Tool: ToolSpec;
  WorkflowTemplate: WorkflowTemplateSpec;
}
/**
 * The grants. The strongest wins.
 */
export interface AccessSpec {
  orgWide?: Role;
  /**
   * By team.
   *
   * Items: A team's grant.
   */
  teams?: {
    team: PluginId;
    role: Role;
  }[];
  /**
   * By person.
   *
   * Items: A person's grant.
   */
  members?: {
    /**
     * As they log in.
     */
    user: string;
    role: Role;
  }[];
}
/**
 * The agent.
 */
export interface AgentSpec {
  /**
   * What it does and when to hand work to it.
   */
  description: string;
  /**
   * Its system prompt.
   */
  prompt?: string;
  promptFrom?: RelativePath;
  /**
   * Tools it may use; absent: all.
   */
  tools?: string[];
  model?: Model;
  /**
   * Whether people talk to it, or other agents, or both.
   */
  mode?: 'primary' | 'subagent' | 'all';
  /**
   * What it may do without asking: by tool, or by tool and pattern.
   */
  permission?: {
    [k: string]:
      | string
      | {
          [k: string]: string;
        };
  };
  requires?: Requires;
}
/**
 * The policy.
 */
export interface ApprovalPolicySpec {
  /**
   * Where it applies.
   */
  environmentIds?: PluginId[];
  /**
   * Votes needed.
   */
  minApprovals: number;
  /**
   * Who may vote.
   *
   * @minItems 1
   */
  approvers: [
    {
      principal: Principal;
      /**
       * Nothing passes without this one.
       */
      required?: boolean;
    },
    ...{
      principal: Principal;
      /**
       * Nothing passes without this one.
       */
      required?: boolean;
    }[]
  ];
  /**
   * Blocked subjects do not vote.
   */
  separationOfDuties?: boolean;
  /**
   * Seconds until an open request lapses.
   */
  expiresAfterSec?: number;
  blockedSubjects?: ('requester' | 'author' | 'tagger' | 'lastCommitter')[];
  /**
   * A blocked subject may still reject.
   */
  allowSelfReject?: boolean;
}
/**
 * For all plugins, and for some other than that.
 */
export interface ChannelSpec {
  range?: SemverRange;
  /**
   * Seconds since publishing before it is offered.
   */
  minimumAgeSec?: number;
  /**
   * Share of clients that get it; the others keep the one before.
   */
  rolloutPercent?: number;
  /**
   * Prereleases too.
   */
  includePrerelease?: boolean;
  /**
   * What differs, by plugin id.
   */
  plugins?: {
    /**
     * One plugin's rule.
     */
    [k: string]: {
      range?: SemverRange;
      /**
       * Seconds since publishing before it is offered.
       */
      minimumAgeSec?: number;
      /**
       * Share of clients that get it; the others keep the one before.
       */
      rolloutPercent?: number;
      /**
       * Prereleases too.
       */
      includePrerelease?: boolean;
    };
  };
}
/**
 * The command.
 */
export interface CommandSpec {
  /**
   * What it does.
   */
  description?: string;
  /**
   * The prompt; $ARGUMENTS and $1 stand for what was typed.
   */
  template?: string;
  templateFrom?: RelativePath;
  /**
   * In the order in which they are typed.
   *
   * Items: An argument.
   */
  arguments?: {
    /**
     * Its name.
     */
    name: string;
    /**
     * What to type.
     */
    description?: string;
    /**
     * The command does not run without it.
     */
    required?: boolean;
  }[];
  /**
   * The agent that runs it.
   */
  agent?: string;
  model?: Model;
  requires?: Requires;
}
/**
 * The context.
 */
export interface ContextSpec {
  /**
   * The text, in Markdown.
   */
  body?: string;
  bodyFrom?: RelativePath;
  /**
   * Only where files match; absent: everywhere.
   */
  globs?: string[];
  /**
   * Loaded whether or not a file matches.
   */
  alwaysApply?: boolean;
  /**
   * What it is for, in a sentence or two.
   */
  description?: string;
  requires?: Requires;
}
/**
 * The files.
 */
export interface CustomSpec {
  /**
   * Path and text of each file. In the folder form the other files are it.
   */
  files?: {
    [k: string]: string;
  };
  /**
   * Such as application/json.
   */
  mediaType?: string;
  /**
   * What it is for, in a sentence or two.
   */
  description?: string;
  requires?: Requires;
}
/**
 * The environment.
 */
export interface EnvironmentSpec {
  /**
   * Its place in the order; unique.
   */
  orderIndex: number;
  /**
   * Shown and guarded as production.
   */
  isProduction?: boolean;
  /**
   * The plugins that run there; absent: all.
   */
  componentIds?: PluginId[];
  /**
   * Votes that a promotion needs.
   */
  requiredApprovals?: number;
  approvalPolicyId?: PluginId;
  /**
   * Who asks or wrote it does not vote.
   */
  requireSeparationOfDuties?: boolean;
  autoPromoteFrom?: PluginId;
  promotionPolicy?: {
    /**
     * A second promotion of the same component.
     */
    onConflict?: 'queue' | 'fail' | 'supersede';
    requireReason?: boolean;
  };
  /**
   * Asked at every promotion.
   */
  gates?: Gate[];
  workflowTemplateId?: PluginId;
  strategyId?: PluginId;
  /**
   * How far back a rollback goes without a promotion.
   */
  rollbackWindow?: {
    revisions?: number;
    withinSec?: number;
  };
  /**
   * What tasks and agents there get.
   */
  config?: {
    /**
     * Plain values.
     */
    variables?: {
      [k: string]: string;
    };
    /**
     * Names and where the values are kept; never a value.
     */
    secrets?: {
      name: string;
      secretRef: string;
    }[];
    /**
     * Labels that its agents carry.
     */
    agentLabels?: {
      [k: string]: string;
    };
    deploymentTimeoutSec?: number;
    healthCheckIntervalSec?: number;
    /**
     * Whether drift is put right by itself.
     */
    driftRemediation?: 'off' | 'repair';
  };
}
/**
 * A condition that a promotion must meet.
 */
export interface Gate {
  /**
   * Unique in the list.
   */
  id: string;
  /**
   * A built-in gate, or <plugin>.<gate>.
   */
  type: string;
  /**
   * The gate's own settings.
   */
  config?: {
    [k: string]: unknown;
  };
  /**
   * An advisory gate warns, a required one stops.
   */
  enforcement?: 'required' | 'advisory';
  /**
   * What an evaluation that fails counts as.
   */
  onError?: 'fail' | 'warn';
  /**
   * Who may let a promotion pass it.
   */
  overridableBy?: Principal[];
}
/**
 * The window.
 */
export interface FreezeWindowSpec {
  /**
   * Lower-case letters, digits and single hyphens between them.
   */
  environmentId?: string;
  /**
   * deny closes, allow opens; deny beats allow.
   */
  kind: 'deny' | 'allow';
  start: Time;
  end: Time;
  /**
   * RFC 5545, DAILY to YEARLY: repeats start to end.
   */
  rrule?: string;
  /**
   * An IANA name.
   */
  timezone?: string;
  /**
   * Why, for the people it stops.
   */
  reason: string;
  /**
   * Whom it does not hold.
   */
  exceptions?: Principal[];
  targetSelector?: LabelSelector;
  componentSelector?: {
    ids?: PluginId[];
    labels?: {
      [k: string]: string;
    };
  };
}
/**
 * Clients by their labels; all must match.
 */
export interface LabelSelector {
  labels?: {
    [k: string]: string;
  };
}
/**
 * The hook.
 */
export interface HookSpec {
  /**
   * The client's name of the event, such as PreToolUse.
   */
  event: string;
  /**
   * The program and its arguments.
   *
   * @minItems 1
   */
  command: [string, ...string[]];
  /**
   * Which tools or cases; absent: all.
   */
  matcher?: string;
  /**
   * Seconds until it is stopped.
   */
  timeoutSec?: number;
  /**
   * What it is for, in a sentence or two.
   */
  description?: string;
  requires?: Requires;
}
/**
 * The integration.
 */
export interface IntegrationSpec {
  /**
   * An integration type's id, such as scm.github.
   */
  type: string;
  /**
   * Off: kept, but never called.
   */
  enabled?: boolean;
  /**
   * By the type's own config schema. Never a secret.
   */
  config?: {
    [k: string]: unknown;
  };
  /**
   * By the type's own schema of secrets: each names one that Waymark keeps.
   */
  credentials?: {
    [k: string]: SecretRef;
  };
}
/**
 * Stands for a secret: {secretRef: name}.
 */
export interface SecretRef {
  /**
   * The secret's name.
   */
  secretRef: string;
}
/**
 * The list.
 */
export interface MarketplaceSpec {
  title?: Title;
  /**
   * What the list is for.
   */
  description?: string;
  /**
   * Who answers for it.
   */
  owner?: {
    name: Title;
    /**
     * An address.
     */
    email?: string;
    /**
     * A page.
     */
    url?: string;
  };
  /**
   * Plugin ids, in the order to show them.
   */
  plugins: PluginId[];
}
/**
 * The server.
 */
export interface McpSpec {
  /**
   * How the client talks to it.
   */
  transport: 'stdio' | 'streamable-http' | 'sse';
  /**
   * The program to start (stdio).
   */
  command?: string;
  /**
   * Its arguments.
   */
  args?: string[];
  /**
   * Its environment. Secrets come from inputs, as ${NAME}.
   */
  env?: {
    [k: string]: string;
  };
  /**
   * Where it listens (streamable-http, sse).
   */
  url?: string;
  /**
   * Sent with every request. Secrets come from inputs, as ${NAME}.
   */
  headers?: {
    [k: string]: string;
  };
  inputs?: Inputs;
  /**
   * Fields of the MCP registry's server.json.
   */
  registry?: {
    [k: string]: unknown;
  };
  /**
   * What it is for, in a sentence or two.
   */
  description?: string;
  requires?: Requires;
}
/**
 * The namespace.
 */
export interface NamespaceSpec {
  department: PluginId;
  /**
   * Whose events reach the bindings; none when absent.
   */
  covers?: {
    /**
     * Plugin ids.
     */
    plugins?: PluginId[];
    /**
     * Environment names.
     */
    environments?: PluginId[];
  };
  /**
   * By plugin id.
   */
  plugins?: {
    /**
     * One binding.
     */
    [k: string]: {
      /**
       * Off: bound, but never called.
       */
      enabled?: boolean;
      /**
       * By the plugin's own config schema. Never a secret: {secretRef} names one.
       */
      config?: {
        [k: string]: unknown;
      };
    };
  };
}
/**
 * The plugin.
 */
export interface PluginSpec {
  title?: Title;
  /**
   * What somebody gets by installing it.
   */
  description?: string;
  /**
   * A semantic version such as 1.4.0: the one that the first release takes.
   */
  version?: string;
  /**
   * A name, or name, email and url.
   */
  author?:
    | string
    | {
        name?: string;
        email?: string;
        url?: string;
      };
  /**
   * An SPDX expression such as Apache-2.0.
   */
  license?: string;
  /**
   * Words to find it by.
   */
  keywords?: string[];
  /**
   * Ids of shared objects, from objects/.
   */
  include?: ObjectId[];
  /**
   * Ids of own objects that are not offered.
   */
  exclude?: ObjectId[];
  /**
   * Other plugins that it needs: plugin id and version range.
   */
  requires?: {
    [k: string]: SemverRange;
  };
  /**
   * How clients treat it.
   */
  policy?: {
    /**
     * available: on request; default: unless declined; required: always.
     */
    mode?: 'available' | 'default' | 'required';
    /**
     * Whether a client may differ from what is delivered.
     */
    override?: 'allow' | 'patch-only' | 'deny';
  };
  /**
   * The client tools it is meant for; absent: all.
   */
  targets?: string[];
}
/**
 * Settings of the organisation.
 */
export interface RegistrySpec {
  title?: Title;
  /**
   * How content reaches clients.
   */
  delivery?: {
    /**
     * required: only clients with a key; preferred: encrypted where the client has one.
     */
    encryption?: 'required' | 'preferred' | 'off';
    /**
     * Who sees a plugin that has no Access file.
     */
    defaultAccess?: 'none' | 'orgWide';
  };
  /**
   * What a change to main needs.
   */
  protection?: {
    /**
     * main moves by change requests only.
     */
    changeRequest?: boolean;
    /**
     * Approvals that a change request needs.
     */
    approvals?: number;
    /**
     * Every commit must be signed by one of the signers.
     */
    signedCommits?: boolean;
    /**
     * Whose signatures on commits count.
     *
     * @minItems 1
     *
     * Items: A person's key.
     */
    signers?: [
      {
        /**
         * As they log in.
         */
        user: string;
        /**
         * An OpenPGP public key, as gpg --armor --export prints it.
         */
        publicKey: string;
      },
      ...{
        /**
         * As they log in.
         */
        user: string;
        /**
         * An OpenPGP public key, as gpg --armor --export prints it.
         */
        publicKey: string;
      }[]
    ];
  };
  /**
   * The tree of departments, by id.
   */
  departments?: {
    /**
     * A department.
     */
    [k: string]: {
      title?: Title;
      parent?: PluginId;
    };
  };
  /**
   * Roles of the org's own, beside the built-in ones.
   */
  roles?: {
    /**
     * A role.
     */
    [k: string]: {
      title?: Title;
      /**
       * Such as releases:publish.
       *
       * @minItems 1
       */
      permissions: [string, ...string[]];
    };
  };
  /**
   * Server parts that are enabled for the org, by plugin id.
   */
  plugins?: {
    /**
     * One plugin's binding.
     */
    [k: string]: {
      /**
       * Off: known, but never called. Its namespaces and integrations are off with it.
       */
      enabled?: boolean;
      /**
       * An exact version, a range, a channel, or rolling; absent: the highest release that is neither yanked nor a prerelease.
       */
      version?: string;
      /**
       * Lets version be rolling: the code of main, before any release. It gets no network.
       */
      allowUnreleased?: boolean;
      /**
       * By the plugin's own config schema. Never a secret: {secretRef} names one.
       */
      config?: {
        [k: string]: unknown;
      };
      /**
       * Permissions the plugin asked for and gets.
       *
       * @maxItems 100
       *
       * Items: Such as http, kv, secrets:token or read:releases.
       */
      grants?: string[];
      /**
       * The higher goes first: it wins a route that two plugins want, and its results stand before others.
       */
      priority?: number;
    };
  };
  /**
   * Ed25519 public keys whose signature makes a server part trusted.
   *
   * Items: 32 bytes in base64, or an SPKI key as PEM.
   */
  pluginKeys?: string[];
}
/**
 * Each part stands while it holds.
 */
export interface ReleaseStatusSpec {
  /**
   * Offered to nobody new; an exact pin still gets it.
   */
  yanked?: {
    /**
     * Why, for the people it stops.
     */
    reason: string;
    at?: Time;
  };
  /**
   * Offered, with a warning.
   */
  deprecated?: {
    /**
     * Why, for the people it stops.
     */
    reason: string;
  };
  /**
   * May not be promoted.
   */
  blocked?: {
    /**
     * Why, for the people it stops.
     */
    reason: string;
    /**
     * Only there; absent: everywhere.
     *
     * @minItems 1
     */
    environmentIds?: [PluginId, ...PluginId[]];
  };
}
/**
 * The strategy.
 */
export interface RolloutStrategySpec {
  type: 'all-at-once' | 'rolling' | 'canary' | 'blue-green';
  /**
   * Tasks at once.
   */
  maxConcurrent?: number;
  /**
   * Targets in a batch.
   */
  batchSize?: number;
  /**
   * Share of the targets in a batch.
   */
  batchPct?: number;
  /**
   * Between batches.
   */
  pauseSec?: number;
  /**
   * Failed tasks that are tolerated.
   */
  maxFailurePct?: number;
  onFail?: 'rollback' | 'pause' | 'continue';
  /**
   * A target that never reports counts as failed.
   */
  countUnseen?: boolean;
  /**
   * How the share grows.
   */
  progression?: 'linear' | 'exponential' | 'fibonacci';
  /**
   * Growth of each step.
   */
  stepPct?: number;
  /**
   * Between steps.
   */
  intervalSec?: number;
  /**
   * Items: Exactly one of these.
   */
  steps?: {
    /**
     * In 1/10,000.
     */
    setWeight?: number;
    /**
     * Without sec it waits for advance.
     */
    pause?: {
      sec?: number;
    };
    analysis?: Analysis;
    approval?: {
      policyId: PluginId;
    };
  }[];
}
/**
 * Compares the new content with the old by measurements.
 */
export interface Analysis {
  /**
   * @minItems 1
   */
  metrics: [Metric, ...Metric[]];
  /**
   * Verified tasks before a verdict.
   */
  minSamples?: number;
  onFail?: 'rollback' | 'pause';
  onInconclusive?: 'pause';
}
/**
 * One measured condition.
 */
export interface Metric {
  /**
   * Unique in the analysis.
   */
  name: string;
  /**
   * applyErrorRate, heartbeatLoss, driftPct, healthyPct, http, or an integration's name.
   */
  source: string;
  /**
   * What to ask the source.
   */
  query?: string;
  /**
   * A CEL expression over result.
   */
  successWhen: string;
  /**
   * A CEL expression over result.
   */
  failureWhen?: string;
  /**
   * Seconds between measurements.
   */
  intervalSec: number;
  /**
   * How many measurements.
   */
  count: number;
  /**
   * Failures that are tolerated.
   */
  failureLimit?: number;
  /**
   * Inconclusive measurements that are tolerated.
   */
  inconclusiveLimit?: number;
}
/**
 * The skill.
 */
export interface SkillSpec {
  /**
   * What it does and when to use it.
   */
  description: string;
  /**
   * The instructions, in Markdown.
   */
  body?: string;
  bodyFrom?: RelativePath;
  /**
   * A licence's name, or the file that holds it.
   */
  license?: string;
  /**
   * What it needs of its surroundings.
   */
  compatibility?: string;
  /**
   * Tools it may use without asking.
   */
  allowedTools?: string[];
  /**
   * Further frontmatter, as the Agent Skills format allows.
   */
  metadata?: {
    [k: string]: string;
  };
  requires?: Requires;
}
/**
 * The target.
 */
export interface TargetSpec {
  environmentId: PluginId;
  /**
   * One client, or all that a selector finds.
   */
  kind: 'client' | 'client_group';
  /**
   * A client's id.
   */
  clientId?: string;
  selector?: LabelSelector;
}
/**
 * The team.
 */
export interface TeamSpec {
  /**
   * Users, as they log in.
   */
  members: string[];
  department?: PluginId;
}
/**
 * The tool.
 */
export interface ToolSpec {
  /**
   * As the agent calls it.
   */
  name: string;
  inputSchema: JsonSchema;
  /**
   * What runs the source, such as node, bun or python.
   */
  runtime?: string;
  /**
   * The program.
   */
  source?: string;
  sourceFrom?: RelativePath;
  /**
   * What it is for, in a sentence or two.
   */
  description?: string;
  requires?: Requires;
}
/**
 * A JSON Schema (draft 2020-12).
 */
export interface JsonSchema {
  [k: string]: unknown;
}
/**
 * The template.
 */
export interface WorkflowTemplateSpec {
  inputs?: JsonSchema;
  /**
   * A graph by needs.
   *
   * @minItems 1
   */
  nodes: [StepNode, ...StepNode[]];
  /**
   * Seconds for the whole run.
   */
  timeoutSec?: number;
}
/**
 * One step of a workflow.
 */
export interface StepNode {
  /**
   * Unique in the template.
   */
  id: string;
  /**
   * A built-in step type, or <plugin>.<type>.
   */
  type: string;
  name?: Title;
  /**
   * The step's own settings; ${{ expr }} is evaluated.
   */
  config?: {
    [k: string]: unknown;
  };
  /**
   * Ids of the steps that end before this one starts.
   */
  needs?: string[];
  /**
   * A CEL expression, asked once all needs ended.
   */
  when?: string;
  /**
   * Seconds of running.
   */
  timeoutSec?: number;
  /**
   * When and how a failed step is tried again.
   */
  retry?: {
    /**
     * The first try included.
     */
    maxAttempts?: number;
    /**
     * How the delay grows.
     */
    backoff?: 'fixed' | 'exponential';
    /**
     * Before the second try.
     */
    delaySec?: number;
    /**
     * The longest delay.
     */
    maxDelaySec?: number;
    /**
     * Error codes; absent: all that are retriable.
     */
    retryOn?: string[];
  };
  /**
   * What a failure does to the run.
   */
  onFailure?:
    | string
    | {
        /**
         * A later step's id.
         */
        goto?: string;
      };
}

export type Kind = keyof SpecByKind;

export const KINDS: readonly Kind[] = [
  'Access',
  'Agent',
  'ApprovalPolicy',
  'Channel',
  'Command',
  'Context',
  'Custom',
  'Environment',
  'FreezeWindow',
  'Hook',
  'Integration',
  'Marketplace',
  'Mcp',
  'Namespace',
  'Plugin',
  'Registry',
  'ReleaseStatus',
  'RolloutStrategy',
  'Skill',
  'Target',
  'Team',
  'Tool',
  'WorkflowTemplate',
];
