import type { Command } from 'commander';
import type { Cli } from './cli.ts';
import { createDelivery } from './delivery.ts';
import { advanceRoot, readFirstRoot, type TrustedRoot, toTrusted } from './trust/root.ts';

/** In a project that is enrolled with the org, from its pinned root; elsewhere what the server says. */
export async function findNewestRoot(cli: Cli, command: Command): Promise<TrustedRoot> {
  const startedAtMs = cli.world.clock();
  const session = await cli.session(command).catch(() => undefined);
  const { org = session?.enrolment.org } = cli.credentials(command);
  if (session && session.enrolment.org === org) {
    return advanceRoot(session.delivery, session.state.root, startedAtMs);
  }
  const delivery = createDelivery(cli.connection(command), cli.org(command));
  const document = await delivery.root();
  await readFirstRoot(document, cli.org(command));
  return toTrusted(document);
}
