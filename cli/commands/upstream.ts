import type { Command } from 'commander';
import { type Diagnostic, formatDiagnostic } from '../../src/model/diagnostic.ts';
import { callApi } from '../api.ts';
import type { Cli } from '../cli.ts';
import { describe } from '../help.ts';
import { formatTable } from '../output.ts';

interface Condition {
  id: string;
  kind: string;
  ref: string;
  old: string;
  new: string;
  diagnostics: Diagnostic[];
  raisedAt: string;
  acceptedAt: string | null;
}

interface Upstream {
  url: string;
  branch: string;
  head: string | null;
  lastSuccessAt: string | null;
  lastError: { reason: string; message: string } | null;
  lastWriteError: { what: string; reason: string; message: string } | null;
  conditions: Condition[];
}

export function upstreamCommand(program: Command, cli: Cli): void {
  const upstream = program.command('upstream').summary("look after a mirror's upstream");
  describe(upstream, {
    description: `
      A mirror follows a repository that is elsewhere. What it does not follow by itself, such as
      a force-push, waits for a person; the last good state stays served meanwhile.`,
    examples: [
      ['waymark upstream show', 'how it goes, and what waits'],
      ['waymark upstream accept 019a5d3e-7c00-7d7a-9f3b-2f1f5f0c8a11', 'follow a force-push'],
    ],
  });
  showCommand(upstream, cli);
  syncCommand(upstream, cli);
  acceptCommand(upstream, cli);
}

function showCommand(upstream: Command, cli: Cli): void {
  const command = upstream
    .command('show')
    .summary('show the upstream, how following it goes, and what waits for a person')
    .action(async () => {
      const shown = await callApi<Upstream>(cli.connection(command), { path: '/upstream' });
      cli.output(command).result(shown, linesOf(shown));
    });
  describe(command, {
    description: `
      Needs the role publisher, admin or owner. What waits is listed with its id, for accept; a
      commit that does not compile, with what is wrong in it.`,
    examples: [['waymark upstream show --json', 'everything that is known of it']],
  });
}

function syncCommand(upstream: Command, cli: Cli): void {
  const command = upstream
    .command('sync')
    .summary('look at the upstream now')
    .action(async () => {
      const asked = { method: 'POST', path: '/upstream/sync' };
      const shown = await callApi<Upstream>(cli.connection(command), asked);
      cli.output(command).result(shown, linesOf(shown));
    });
  describe(command, {
    description: `
      Needs the role admin or owner. The server looks every minute, and after a webhook at once. A sync that takes longer than 20
      seconds goes on by itself: show says how it went.`,
    examples: [['waymark upstream sync', 'after a secret was changed at the provider']],
  });
}

function acceptCommand(upstream: Command, cli: Cli): void {
  const command = upstream
    .command('accept')
    .summary('let a force-push or a moved tag be followed')
    .argument('<condition>', 'its id, from `waymark upstream show`')
    .action(async (id: string) => {
      const path = `/upstream/conditions/${encodeURIComponent(id)}/accept`;
      const accepted = await callApi<Condition>(cli.connection(command), { method: 'POST', path });
      const { kind, ref, new: oid } = accepted;
      cli.output(command).result(accepted, [`accepted the ${kind} of ${ref} to ${oid}`]);
    });
  describe(command, {
    description: `
      Needs the role admin or owner. Exactly what show lists is followed, and nothing that comes after it. A commit that does not
      compile cannot be accepted: it takes another commit.`,
    examples: [['waymark upstream accept 019a5d3e-7c00-7d7a-9f3b-2f1f5f0c8a11', 'follow it']],
  });
}

function linesOf(upstream: Upstream): string[] {
  const { url, branch, head, lastSuccessAt, lastError, lastWriteError, conditions } = upstream;
  const waiting = conditions.filter(({ acceptedAt }) => acceptedAt === null);
  return [
    `${url} ${branch} ${head ?? '(nothing fetched yet)'}`,
    `last followed ${lastSuccessAt ?? 'never'}`,
    ...(lastError ? [`failed: ${lastError.reason}: ${lastError.message}`] : []),
    ...(lastWriteError
      ? [`failed to write a ${lastWriteError.what}: ${lastWriteError.message}`]
      : []),
    ...(waiting.length > 0 ? ['', ...formatTable(HEAD, waiting.map(rowOf))] : []),
    ...waiting.flatMap(({ diagnostics }) => diagnostics).map((one) => `  ${formatDiagnostic(one)}`),
  ];
}

const HEAD = ['condition', 'kind', 'ref', 'from', 'to', 'since'];

const rowOf = ({ id, kind, ref, old, new: oid, raisedAt }: Condition): string[] => [
  id,
  kind,
  ref,
  old.slice(0, 10),
  oid.slice(0, 10),
  raisedAt,
];
