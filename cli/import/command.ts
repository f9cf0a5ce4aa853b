import path from 'node:path';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { describe } from '../help.ts';
import { exportLayout } from './export-layout.ts';
import { importFolder, importMarketplace, REPORT_FILE } from './import-marketplace.ts';
import { formatReport } from './report.ts';
import { writeRegistry } from './write-registry.ts';

type Surroundings = Pick<Cli, 'output' | 'world'>;

export function importCommand(program: Command, cli: Surroundings): void {
  const command = program
    .command('import')
    .summary('turn a Claude Code marketplace into a registry')
    .argument('<dir>', "the marketplace's folder: it holds .claude-plugin/marketplace.json")
    .option('--out <dir>', "the registry's working tree; default the current folder")
    .action(async (dir: string, options: { out?: string }, self: Command) => {
      const out = path.resolve(cli.world.cwd, options.out ?? '.');
      const imported = await importMarketplace(path.resolve(cli.world.cwd, dir));
      await writeRegistry(out, imported);
      const report = `${importFolder(imported.id)}/${REPORT_FILE}`;
      const lines = [...formatReport(imported.report), '', `the whole report: ${report}`];
      cli.output(self).result(imported.report, lines);
    });
  describe(command, {
    description: `
      Every plugin whose folder is here becomes plugins/<id>/, and the list becomes
      marketplaces/<name>.yaml. Skills, agents, commands, hooks and MCP servers become config
      objects; their files stay untouched beside the YAML, so that the Claude layout gives them
      back byte for byte. What belongs to no plugin is kept under docs/import/<name>/.

      Nothing is lost silently: what could not be taken over, or not as it was, is listed in
      docs/import/<name>/import-report.json. Plugins that lie elsewhere are listed, not fetched.
      A secret that stands in an MCP server's settings is replaced by an input.

      Importing again replaces what the earlier import wrote, so that git shows just what
      changed upstream. A plugin that came from elsewhere is never overwritten.`,
    examples: [
      ['waymark import ../marketplace --out registry', 'import, then look at git diff'],
      ['waymark import ../marketplace --json', 'the report as JSON'],
      ['waymark validate registry', 'an import has no errors'],
    ],
    files: [
      ['docs/import/<name>/import-report.json', 'what is not, or not as it was, in the registry'],
    ],
  });
}

export function exportCommand(program: Command, cli: Surroundings): void {
  const command = program
    .command('export')
    .summary('write plugins as a client tool reads them')
    .argument('<dir>', "the registry's working tree")
    .requiredOption('--out <dir>', 'a new or empty folder')
    .option('--layout <layout>', 'claude', 'claude')
    .action(async (dir: string, options: { out: string; layout: string }, self: Command) => {
      const from = path.resolve(cli.world.cwd, dir);
      const out = path.resolve(cli.world.cwd, options.out);
      const exported = await exportLayout(from, options.layout, out);
      const lines = exported.plugins.map(({ id, files }) => `${id}: ${files} files`);
      const left = exported.unsupported.map((it) => `${it.plugin}: ${it.objectId}: ${it.target}`);
      cli.output(self).result(exported, [...lines, ...left]);
    });
  describe(command, {
    description: `
      Writes each plugin of a registry to <out>/<plugin>/ in the layout of a client tool.
      The export of an import gives back the files that were imported. Objects that the tool
      cannot take are listed with the reason.`,
    examples: [['waymark export registry --layout claude --out build', 'plugins for Claude Code']],
  });
}
