import type { Command } from 'commander';
import { callApi, listApi } from '../api.ts';
import type { Cli } from '../cli.ts';
import { describe } from '../help.ts';
import { formatTable } from '../output.ts';
import { type Proposed, proposedLine } from '../proposed.ts';
import { readSecret } from '../read-secret.ts';
import { placeOf, setting } from './integration-arguments.ts';
import { updateCommand } from './integration-update.ts';

interface Integration {
  id: string;
  type: string;
  enabled: boolean;
  config: object;
  credentials: Record<string, string>;
  healthStatus: string;
  lastHealthCheck: string | null;
  lastHealthMessage: string | null;
}

interface Tested {
  ok: boolean;
  latencyMs: number;
  checks: { name: string; ok: boolean; message?: string }[];
}

interface Found {
  resources: { id: string; name: string; type: string }[];
}

const NAME = ['<name>', 'of the integration'] as const;

export function integrationCommand(program: Command, cli: Cli): void {
  const integration = program
    .command('integration')
    .summary('connect outside systems, and see how they are');
  describe(integration, {
    description: `
      An integration is a name for an outside system: a provider of repositories, a chat, any HTTP
      service. Its plugin speaks to it; \`waymark plugin enable\` comes first.`,
    examples: [
      ['waymark integration list', 'how they are'],
      ['waymark integration test forge', 'whether one works'],
    ],
  });
  listCommand(integration, cli);
  typesCommand(integration, cli);
  showCommand(integration, cli);
  createCommand(integration, cli);
  updateCommand(integration, cli);
  testCommand(integration, cli);
  discoverCommand(integration, cli);
  deleteCommand(integration, cli);
}

function listCommand(integration: Command, cli: Cli): void {
  const command = integration
    .command('list')
    .summary('list the integrations, and how they are')
    .action(async () => {
      const all = await listApi<Integration>(cli.connection(command), '/integrations');
      const rows = all.map(({ id, type, enabled, healthStatus, lastHealthCheck }) => {
        return [id, type, enabled ? 'on' : 'off', healthStatus, lastHealthCheck ?? 'never'];
      });
      const head = ['integration', 'type', 'is', 'health', 'checked'];
      cli.output(command).result(all, formatTable(head, rows));
    });
  describe(command, {
    description: 'The server asks each that is on every five minutes how it is.',
    examples: [['waymark integration list', 'of your organisation']],
  });
}

interface IntegrationType {
  id: string;
  pluginId: string;
  displayName: string;
  resourceTypes: string[];
}

function typesCommand(integration: Command, cli: Cli): void {
  const command = integration
    .command('types')
    .summary('list the types that there are')
    .action(async () => {
      const all = await listApi<IntegrationType>(cli.connection(command), '/integration-types');
      const rows = all.map(({ id, displayName, pluginId, resourceTypes }) => {
        return [id, displayName, pluginId, resourceTypes.join(', ')];
      });
      const head = ['type', 'name', 'plugin', 'finds'];
      cli.output(command).result(all, formatTable(head, rows));
    });
  describe(command, {
    description: 'Also those of plugins that are off. With --json each has its schemas.',
    examples: [['waymark integration types', 'what create --type takes']],
  });
}

function showCommand(integration: Command, cli: Cli): void {
  const command = integration
    .command('show')
    .summary('show one integration, without its secrets')
    .argument(...NAME)
    .action(async (name: string) => {
      const shown = await callApi<Integration>(cli.connection(command), { path: placeOf(name) });
      cli.output(command).result(shown, linesOf(shown));
    });
  describe(command, {
    description: 'Its configuration, and how it was found last.',
    examples: [['waymark integration show forge', 'one of them']],
  });
}

interface CreateOptions {
  type: string;
  set: Record<string, unknown>;
  secret?: string;
  off?: boolean;
}

function createCommand(integration: Command, cli: Cli): void {
  const command = integration
    .command('create')
    .summary('add an integration')
    .argument('<name>', 'lower-case letters, digits and single hyphens')
    .requiredOption('--type <type>', 'such as scm.gitea or generic.http')
    .option('--set <field=value>', 'of its configuration; may be given again', setting, {})
    .option('--secret <field>', 'reads this one of its credentials from standard input')
    .option('--off', 'adds it switched off')
    .action(async (name: string, { type, set, secret, off }: CreateOptions) => {
      const value = secret === undefined ? undefined : await readSecret(cli.world, secret);
      const body = {
        name,
        type,
        config: set,
        ...(secret !== undefined && { credentials: { [secret]: value } }),
        ...(off && { enabled: false }),
      };
      const asked = { method: 'POST', path: '/integrations', body };
      const made = await callApi<Integration | Proposed>(cli.connection(command), asked);
      const line = 'change' in made ? proposedLine(made) : `added ${made.id}`;
      cli.output(command).result(made, [line]);
    });
  describe(command, {
    description: `
      Needs the role admin or owner. A value of --set is JSON where it can be read so, such as
      204 or true, else a text. Where main is protected, a change request is opened instead.`,
    examples: [
      [
        'waymark integration create forge --type scm.gitea --set endpoint=https://gitea.example.com --set repository=acme/tools --secret token < token',
        'with a token',
      ],
    ],
  });
}

function testCommand(integration: Command, cli: Cli): void {
  const command = integration
    .command('test')
    .summary('try an integration')
    .argument(...NAME)
    .action(async (name: string) => {
      const asked = { method: 'POST', path: `${placeOf(name)}/test`, body: {} };
      const tested = await callApi<Tested>(cli.connection(command), asked);
      const lines = tested.checks.map(({ name: check, ok, message }) => {
        return `${ok ? 'ok    ' : 'failed'} ${check}${message ? `: ${message}` : ''}`;
      });
      const verdict = `${name} ${tested.ok ? 'works' : 'does not work'} (${tested.latencyMs} ms)`;
      cli.output(command).result(tested, [...lines, verdict]);
      if (!tested.ok) cli.exitWith(1);
    });
  describe(command, {
    description: 'Needs the role admin or owner. Exit status 1 says that it does not work.',
    examples: [['waymark integration test forge', 'whether its token still counts']],
  });
}

function discoverCommand(integration: Command, cli: Cli): void {
  const command = integration
    .command('discover')
    .summary('list what there is at the other side')
    .argument(...NAME)
    .argument('<resource-type>', 'such as repository or branch')
    .option('--query <text>', 'only what has it in its name')
    .option('--page <n>', 'from 1', Number)
    .action(async (name: string, resourceType: string, options: object) => {
      const body = { resourceType, ...options };
      const asked = { method: 'POST', path: `${placeOf(name)}/discover`, body };
      const found = await callApi<Found>(cli.connection(command), asked);
      const rows = found.resources.map(({ id, name: title, type }) => [id, title, type]);
      cli.output(command).result(found, formatTable(['id', 'name', 'type'], rows));
    });
  describe(command, {
    description: 'Needs the role admin or owner. What types there are is up to its own type.',
    examples: [['waymark integration discover forge branch --query release', 'some branches']],
  });
}

function deleteCommand(integration: Command, cli: Cli): void {
  const command = integration
    .command('delete')
    .summary('remove an integration, and its secrets')
    .argument(...NAME)
    .action(async (name: string) => {
      const asked = { method: 'DELETE', path: placeOf(name) };
      const answer = await callApi<Proposed | undefined>(cli.connection(command), asked);
      const line = answer ? proposedLine(answer) : `removed ${name}`;
      cli.output(command).result(answer ?? { removed: name }, [line]);
    });
  describe(command, {
    description: 'Needs the role admin or owner. Refused while something names it.',
    examples: [['waymark integration delete forge', 'it is not needed any more']],
  });
}

function linesOf(integration: Integration): string[] {
  const { id, type, enabled, config, credentials, healthStatus } = integration;
  const { lastHealthCheck, lastHealthMessage } = integration;
  const fields = Object.entries({ ...config, ...credentials });
  return [
    `${id}: ${type}, ${enabled ? 'on' : 'off'}`,
    ...fields.map(([field, value]) => {
      return `  ${field}: ${typeof value === 'string' ? value : JSON.stringify(value)}`;
    }),
    `${healthStatus}, checked ${lastHealthCheck ?? 'never'}`,
    ...(lastHealthMessage === null ? [] : [`  ${lastHealthMessage}`]),
  ];
}
