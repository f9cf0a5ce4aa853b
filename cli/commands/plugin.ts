import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { describe } from '../help.ts';
import { devCommand } from '../plugin/dev-command.ts';
import { initCommand } from '../plugin/init-command.ts';
import { packCommand } from '../plugin/pack-command.ts';
import { keygenCommand, signCommand } from '../plugin/sign-command.ts';
import { testCommand } from '../plugin/test-command.ts';
import { serverPluginCommands } from './server-plugins.ts';

export function pluginCommand(program: Command, cli: Cli): void {
  const plugin = program
    .command('plugin')
    .summary('write, try and package plugins of the server, and switch them on');
  describe(plugin, {
    description: `
      A plugin's server part runs on the server, in a sandbox: it answers API routes and
      management pages, hears of events, enriches queries, offers tools, and connects other
      systems. docs/plugin-author.md is its guide.`,
    examples: [
      ['waymark plugin init hello && cd hello && waymark plugin dev', 'a first plugin, running'],
      ['waymark plugin list', 'what a server has'],
    ],
  });
  initCommand(plugin, cli);
  devCommand(plugin, cli);
  testCommand(plugin, cli);
  packCommand(plugin, cli);
  signCommand(plugin, cli);
  keygenCommand(plugin, cli);
  serverPluginCommands(plugin, cli);
}
