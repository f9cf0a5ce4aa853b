import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import type { Update } from '../delivery.ts';
import { describe } from '../help.ts';
import { runAlone } from '../install/busy.ts';
import { reportPlugin } from '../install/report.ts';
import type { Session } from '../install/session.ts';
import { type FileFinding, verifyInstalled } from '../install/verify.ts';
import { formatTable } from '../output.ts';
import { INSTALL_FILES } from './sync.ts';

interface PluginStatus {
  plugin: string;
  requested: string;
  version: string | null;
  release: string | null;
  /** Files that are not as delivered. */
  changes: Pick<FileFinding, 'path' | 'state'>[];
  update: Update | null;
}

export function statusCommand(program: Command, cli: Cli): void {
  const command = program
    .command('status')
    .summary('what is installed, what was changed, and what is new')
    .option('--offline', 'do not ask the server for updates')
    .action(async ({ offline = false }: { offline?: boolean }) => {
      const project = cli.project(command);
      await runAlone(project, async () =>
        showStatus(cli, command, await cli.session(command), offline),
      );
    });
  describe(command, {
    description: `
      Lists the installed plugins with what was asked for, the version that is here, files
      that are not as delivered, and what the server would change. The last is advice: only
      sync verifies.`,
    examples: [
      ['waymark status', 'at a glance'],
      ['waymark status --offline --json', 'without the network, for a script'],
    ],
    files: INSTALL_FILES,
  });
}

async function showStatus(
  cli: Cli,
  command: Command,
  session: Session,
  offline: boolean,
): Promise<void> {
  const { enrolment, lock, project } = session;
  const updates = offline ? [] : await askForUpdates(session);
  const { files } = await verifyInstalled(session);
  const plugins = Object.keys({ ...lock?.requested, ...lock?.plugins })
    .sort()
    .map((plugin): PluginStatus => {
      const locked = lock?.plugins[plugin];
      return {
        plugin,
        requested: lock?.requested[plugin] ?? '',
        version: locked?.version ?? null,
        release: locked?.release ?? null,
        changes: files
          .filter((file) => file.plugin === plugin && file.state !== 'intact')
          .map(({ path, state }) => ({ path, state })),
        update: updates.find(({ pluginId }) => pluginId === plugin) ?? null,
      };
    });
  const offered = updates.filter(
    ({ pluginId }) => !plugins.some(({ plugin }) => plugin === pluginId),
  );
  const { url, org, channel } = enrolment;
  const value = {
    url,
    org,
    channel,
    project: project.dir,
    sequence: lock?.sequence ?? null,
    target: lock?.target ?? null,
    dir: lock?.dir ?? null,
    plugins,
    offered,
  };
  const place = lock ? `, ${lock.target} in ${lock.dir}` : '';
  cli
    .output(command)
    .result(value, [
      `${org} at ${url}, channel ${channel}${place}`,
      ...statusLines(plugins, offered),
    ]);
}

async function askForUpdates({ delivery, enrolment, lock }: Session): Promise<Update[]> {
  const installed = Object.entries(lock?.plugins ?? {}).map(([id, plugin]) =>
    reportPlugin(id, plugin),
  );
  return delivery.checkUpdates(enrolment.clientId, installed);
}

function statusLines(plugins: readonly PluginStatus[], offered: readonly Update[]): string[] {
  if (plugins.length === 0)
    return ['nothing is installed: `waymark add <plugin>`', ...offered.map(offerLine)];
  const rows = plugins.map(({ plugin, requested, version, changes, update }) => [
    plugin,
    version ?? 'not installed',
    requested,
    changes.length > 0 ? String(changes.length) : '-',
    update
      ? `${update.op}${update.to?.version ? ` to ${update.to.version}` : ''} (${reasonOf(update)})`
      : '-',
  ]);
  return [
    ...formatTable(['plugin', 'version', 'asked for', 'changes', 'update'], rows),
    ...plugins.flatMap(({ plugin, changes }) =>
      changes.map(({ path, state }) => `  ${state.padEnd(9)} ${plugin}/${path}`),
    ),
    ...offered.map(offerLine),
  ];
}

const offerLine = (update: Update): string =>
  `also: ${update.op} ${update.pluginId} ${update.to?.version ?? ''} (${reasonOf(update)})`;

const reasonOf = ({ reason }: Update): string => reason.replaceAll('_', ' ');
