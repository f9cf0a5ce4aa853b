import type { Command } from 'commander';
import { callApi, listApi } from '../api.ts';
import type { Cli } from '../cli.ts';
import { describe } from '../help.ts';
import { formatTable } from '../output.ts';
import { type Proposed, proposedLine } from '../proposed.ts';

interface Plugin {
  id: string;
  name: string;
  version: string;
  source: string;
  trust: string;
  signature: string;
  state: string;
  enabled: boolean;
  provides: string[];
  permissions: { requested: string[]; granted: string[] };
  menu: { title: string; href: string }[];
  pending: { version: string; reason: string } | null;
  lastError: string | null;
}

const ID = ['<plugin>', 'its id, from `waymark plugin list`'] as const;

const placeOf = (id: string): string => `/plugins/${encodeURIComponent(id)}`;

/** Of the plugins that a server has. */
export function serverPluginCommands(plugin: Command, cli: Cli): void {
  listCommand(plugin, cli);
  showCommand(plugin, cli);
  enableCommand(plugin, cli);
  disableCommand(plugin, cli);
  resetCommand(plugin, cli);
}

function listCommand(plugin: Command, cli: Cli): void {
  const command = plugin
    .command('list')
    .summary('list the plugins that the server has')
    .action(async () => {
      const plugins = await listApi<Plugin>(cli.connection(command), '/plugins');
      const rows = plugins.map(({ id, version, source, state, enabled }) => {
        return [id, version, source, enabled ? 'on' : 'off', state];
      });
      const head = ['plugin', 'version', 'source', 'is', 'state'];
      cli.output(command).result(plugins, formatTable(head, rows));
    });
  describe(command, {
    description: `Those of Waymark itself, of the server's own folder and of the organisation's
      registry, also those that are off or cannot run.`,
    examples: [['waymark plugin list', 'what there is, and how it is']],
  });
}

function showCommand(plugin: Command, cli: Cli): void {
  const command = plugin
    .command('show')
    .summary('show one plugin: what it asks for, and why it does not run')
    .argument(...ID)
    .action(async (id: string) => {
      const shown = await callApi<Plugin>(cli.connection(command), { path: placeOf(id) });
      cli.output(command).result(shown, linesOf(shown));
    });
  describe(command, {
    description: 'Everything that the server knows of it; the JSON has its schema and routes too.',
    examples: [['waymark plugin show webhooks', 'what it is']],
  });
}

interface EnableOptions {
  grant?: string[];
  grantRequested?: boolean;
}

function enableCommand(plugin: Command, cli: Cli): void {
  const command = plugin
    .command('enable')
    .summary('switch a plugin on, with what it is granted')
    .argument('<plugin[@version]>', 'its id; a version, range or channel, default what it had')
    .option('--grant <permission...>', 'what it gets of what it asks for; default what it has had')
    .option('--grant-requested', 'all that it asks for, as show lists it')
    .action(async (which: string, { grant, grantRequested }: EnableOptions) => {
      const [id = '', version] = which.split('@', 2);
      const connection = cli.connection(command);
      const grants = grantRequested
        ? (await callApi<Plugin>(connection, { path: placeOf(id) })).permissions.requested
        : grant;
      const body = { ...(version && { version }), ...(grants && { grants }) };
      const asked = { method: 'POST', path: `${placeOf(id)}/enable`, body };
      const answer = await callApi<Plugin | Proposed>(connection, asked);
      cli.output(command).result(answer, doneLines('enabled', id, answer));
    });
  describe(command, {
    description: `
      Needs the role admin or owner. It is refused until all that the plugin asks for is granted.
      Where main is protected, a change request is opened instead.`,
    examples: [
      ['waymark plugin enable webhooks', 'Waymark’s own ask for nothing'],
      ['waymark plugin enable tickets@^2 --grant kv http:config:/url', 'with two permissions'],
    ],
  });
}

function disableCommand(plugin: Command, cli: Cli): void {
  const command = plugin
    .command('disable')
    .summary('switch a plugin off, at once')
    .argument(...ID)
    .option('--force', 'though something needs it')
    .action(async (id: string, { force }: { force?: boolean }) => {
      const body = force ? { force } : {};
      const asked = { method: 'POST', path: `${placeOf(id)}/disable`, body };
      const answer = await callApi<Plugin | Proposed>(cli.connection(command), asked);
      cli.output(command).result(answer, doneLines('disabled', id, answer));
    });
  describe(command, {
    description: `
      Needs the role admin or owner. Refused while a namespace, an integration, an environment or
      a workflow needs it. It acts at once, also where a change request has to be merged first.`,
    examples: [['waymark plugin disable tickets --force', 'whatever it is needed for']],
  });
}

function resetCommand(plugin: Command, cli: Cli): void {
  const command = plugin
    .command('reset')
    .summary('let a plugin that has failed try again')
    .argument(...ID)
    .action(async (id: string) => {
      const asked = { method: 'POST', path: `${placeOf(id)}/reset`, body: {} };
      const shown = await callApi<Plugin>(cli.connection(command), asked);
      cli.output(command).result(shown, linesOf(shown));
    });
  describe(command, {
    description: `
      Needs the role admin or owner. Calls that the server has stopped making, since too many had
      failed, are made again.`,
    examples: [['waymark plugin reset tickets', 'once it is mended']],
  });
}

function doneLines(what: string, id: string, answer: Plugin | Proposed): string[] {
  if ('change' in answer) return [proposedLine(answer)];
  const { pending } = answer;
  return [
    `${what} ${id} ${answer.version}`,
    ...(pending ? [`${pending.version} cannot take over: ${pending.reason}`] : []),
  ];
}

function linesOf(plugin: Plugin): string[] {
  const { id, name, version, source, trust, signature, state, enabled, permissions } = plugin;
  const withheld = permissions.requested.filter((one) => !permissions.granted.includes(one));
  const { provides, menu, pending, lastError } = plugin;
  return [
    `${id} ${version}: ${name}`,
    `${enabled ? 'on' : 'off'}, ${state}; ${source}, ${trust}, ${signature}`,
    ...(provides.length > 0 ? [`provides ${provides.join(', ')}`] : []),
    ...(permissions.granted.length > 0 ? [`is granted ${permissions.granted.join(', ')}`] : []),
    ...(withheld.length > 0 ? [`also asks for ${withheld.join(', ')}`] : []),
    ...menu.map(({ title, href }) => `page ${title}: ${href}`),
    ...(pending ? [`${pending.version} cannot take over: ${pending.reason}`] : []),
    ...(lastError === null ? [] : [`failed: ${lastError}`]),
  ];
}
