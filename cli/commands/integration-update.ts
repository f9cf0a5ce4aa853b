import type { Command } from 'commander';
import { callApi } from '../api.ts';
import type { Cli } from '../cli.ts';
import { UsageError } from '../errors.ts';
import { describe } from '../help.ts';
import { type Proposed, proposedLine } from '../proposed.ts';
import { readSecret } from '../read-secret.ts';
import { placeOf, setting } from './integration-arguments.ts';

interface Known {
  id: string;
  config: object;
  version: string;
}

interface UpdateOptions {
  set?: Record<string, unknown>;
  secret?: string;
  on?: boolean;
  off?: boolean;
}

export function updateCommand(integration: Command, cli: Cli): void {
  const command = integration
    .command('update')
    .summary('change an integration, or give it another secret')
    .argument('<name>', 'of the integration')
    .option('--set <field=value>', 'of its configuration; may be given again', setting)
    .option('--secret <field>', 'reads this one of its credentials from standard input')
    .option('--on', 'switches it on')
    .option('--off', 'switches it off')
    .action(async (name: string, options: UpdateOptions) => {
      const connection = cli.connection(command);
      const path = placeOf(name);
      const wanted = await wantedBy(options, cli);
      const known = await callApi<Known>(connection, { path });
      const { set } = options;
      const asked = {
        method: 'PUT',
        path,
        headers: { 'if-match': `"${known.version}"` },
        body: { ...wanted, ...(set && { config: { ...known.config, ...set } }) },
      };
      const made = await callApi<Known | Proposed>(connection, asked);
      const line = 'change' in made ? proposedLine(made) : `updated ${made.id}`;
      cli.output(command).result(made, [line]);
    });
  describe(command, {
    description: `
      Needs the role admin or owner. What is not named stays; a new address needs its secrets anew.
      A value of --set is JSON where it can be read so, else a text.`,
    examples: [
      ['waymark integration update forge --secret token < token', 'the old token ran out'],
      ['waymark integration update forge --off', 'it is asked nothing more'],
    ],
  });
}

/** @throws {UsageError} where nothing is to change, or the opposite of itself */
async function wantedBy({ set, secret, on, off }: UpdateOptions, { world }: Cli): Promise<object> {
  if (on && off) throw new UsageError('--on and --off cannot both be meant');
  if (!set && secret === undefined && !on && !off) {
    throw new UsageError('name what is to change: --set, --secret, --on or --off');
  }
  return {
    ...(secret !== undefined && { credentials: { [secret]: await readSecret(world, secret) } }),
    ...((on || off) && { enabled: on === true }),
  };
}
