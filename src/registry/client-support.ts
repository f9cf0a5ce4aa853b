import type { ObjectType } from '../model/names.ts';
import type {
  AgentSpec,
  CommandSpec,
  ContextSpec,
  HookSpec,
  McpSpec,
  SpecByKind,
  ToolSpec,
} from './kinds.ts';

/**
 * `native`: the tool has this sort of object itself, and takes every field that
 * is set. `translated`: it is said in another of the tool's forms, or a field
 * has no equal there.
 */
export type Support = 'native' | 'translated' | `unsupported: ${string}`;

export const CLIENT_TOOLS = ['claude', 'opencode', 'cursor', 'agent-plugin'] as const;
export type ClientTool = (typeof CLIENT_TOOLS)[number];

type Spec = SpecByKind[keyof SpecByKind];
type Judge = (spec: Spec) => Support;

const native: Judge = () => 'native';
const translated: Judge = () => 'translated';
const unsupported =
  (why: string): Judge =>
  () =>
    `unsupported: ${why}`;

/** Native, unless a field is set that the tool would ignore. */
const nativeWithout =
  <S extends Spec>(...fields: (keyof S & string)[]): Judge =>
  (spec) =>
    fields.some((field) => field in spec) ? 'translated' : 'native';

/** An Mcp's transport that a tool does not speak. */
const withoutSse: Judge = (spec) =>
  (spec as McpSpec).transport === 'sse'
    ? 'unsupported: no SSE transport, only stdio and streamable HTTP'
    : 'native';

const CLAUDE_EVENTS = new Set([
  'ConfigChange',
  'CwdChanged',
  'DirectoryAdded',
  'Elicitation',
  'ElicitationResult',
  'FileChanged',
  'InstructionsLoaded',
  'MessageDisplay',
  'Notification',
  'PermissionDenied',
  'PermissionRequest',
  'PostCompact',
  'PostModelSwitch',
  'PostToolBatch',
  'PostToolUse',
  'PostToolUseFailure',
  'PreCompact',
  'PreModelSwitch',
  'PreToolUse',
  'SessionEnd',
  'SessionStart',
  'Setup',
  'Stop',
  'StopFailure',
  'SubagentStart',
  'SubagentStop',
  'TaskCompleted',
  'TaskCreated',
  'TeammateIdle',
  'UserPromptExpansion',
  'UserPromptSubmit',
  'WorktreeCreate',
  'WorktreeRemove',
]);

/** Claude Code's event → Cursor's, where they happen at the same moment. */
const CURSOR_EVENTS = new Set([
  'PreToolUse',
  'PostToolUse',
  'UserPromptSubmit',
  'Stop',
  'SubagentStop',
  'PreCompact',
  'SessionStart',
  'SessionEnd',
]);

const eventOf = (spec: Spec): string => (spec as HookSpec).event;

const openCodeTool: Judge = (spec) => {
  const { runtime, source, sourceFrom } = spec as ToolSpec;
  if (source === undefined && sourceFrom === undefined)
    return 'unsupported: the tool has no source';
  if (runtime === undefined || !['node', 'bun', 'deno'].includes(runtime)) {
    return 'unsupported: tools are JavaScript or TypeScript there';
  }
  return 'translated';
};

const contextInOpenCode: Judge = (spec) => ((spec as ContextSpec).globs ? 'translated' : 'native');

const opaque = unsupported('a custom object is for programs that know it');

const support: Record<ClientTool, Record<ObjectType, Judge>> = {
  claude: {
    skill: native,
    agent: nativeWithout<AgentSpec>('mode', 'permission'),
    command: nativeWithout<CommandSpec>('agent'),
    tool: unsupported('tools come from MCP servers only'),
    mcp: native,
    hook: (spec) =>
      CLAUDE_EVENTS.has(eventOf(spec)) ? 'native' : `unsupported: no event ${eventOf(spec)}`,
    context: unsupported('a plugin cannot carry context'),
    custom: opaque,
  },
  opencode: {
    skill: native,
    agent: native,
    command: native,
    tool: openCodeTool,
    mcp: translated,
    hook: unsupported('hooks are JavaScript plugins there'),
    context: contextInOpenCode,
    custom: opaque,
  },
  cursor: {
    skill: native,
    agent: nativeWithout<AgentSpec>('tools', 'mode', 'permission'),
    command: nativeWithout<CommandSpec>('description', 'arguments', 'agent', 'model'),
    tool: unsupported('tools come from MCP servers only'),
    mcp: native,
    hook: (spec) =>
      CURSOR_EVENTS.has(eventOf(spec)) ? 'translated' : `unsupported: no event ${eventOf(spec)}`,
    context: native,
    custom: opaque,
  },
  'agent-plugin': {
    skill: native,
    agent: unsupported('an Agent Plugin holds skills and MCP servers'),
    command: unsupported('an Agent Plugin holds skills and MCP servers'),
    tool: unsupported('an Agent Plugin holds skills and MCP servers'),
    mcp: withoutSse,
    hook: unsupported('an Agent Plugin holds skills and MCP servers'),
    context: unsupported('an Agent Plugin holds skills and MCP servers'),
    custom: opaque,
  },
};

/** What becomes of an object in each client tool, as far as its spec tells. */
export function supportOf(type: ObjectType, spec: Spec): Record<ClientTool, Support> {
  const entries = CLIENT_TOOLS.map((tool) => [tool, support[tool][type](spec)]);
  return Object.fromEntries(entries) as Record<ClientTool, Support>;
}
