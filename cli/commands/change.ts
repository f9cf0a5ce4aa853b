import { type Command, Option } from 'commander';
import { callApi, listApi } from '../api.ts';
import {
  type Change,
  type ChangeDiff,
  changeLines,
  type ListedChange,
  paintFor,
  withoutControls,
} from '../change-lines.ts';
import type { Cli } from '../cli.ts';
import { ConflictError, ServerRefusal, UsageError } from '../errors.ts';
import { CONFLICTS_LEFT, describe } from '../help.ts';
import { formatTable } from '../output.ts';
import { currentBranch } from '../revision.ts';

const PATH = '/change-requests';
const NUMBER = ['<number>', 'of the change request'] as const;

export function changeCommand(program: Command, cli: Cli): void {
  const change = program.command('change').summary('open, review and merge change requests');
  describe(change, {
    description: `
      A change request asks for a branch to be brought into main. It is checked as it would be
      after the merge, others review it, and it is merged by whoever may. Where registry.yaml
      protects main, this is the only way into it.`,
    examples: [
      ['git push origin HEAD && waymark change create --title "Quote in euros"', 'ask for it'],
      ['waymark change review 7 --approve', 'as somebody else'],
      ['waymark change merge 7', 'as a publisher'],
    ],
  });
  createCommand(change, cli);
  listCommand(change, cli);
  showCommand(change, cli);
  reviewCommand(change, cli);
  mergeCommand(change, cli);
  closeCommand(change, cli);
}

interface CreateFlags {
  title: string;
  branch?: string;
  description?: string;
  target?: string;
  draft?: boolean;
}

function createCommand(change: Command, cli: Cli): void {
  const command = change
    .command('create')
    .summary('open a change request for a pushed branch')
    .requiredOption('--title <text>', 'what it does, in one line')
    .option('--branch <name>', 'the branch; default the one that is checked out here')
    .option('--description <text>', 'why, in Markdown')
    .option('--target <branch>', 'where it is to go; default main')
    .option('--draft', 'not to be merged yet')
    .action(async ({ branch, ...flags }: CreateFlags) => {
      const source = branch ?? (await currentBranch(cli.world.cwd));
      const body = { source, ...flags };
      const asked = { method: 'POST', path: PATH, body };
      const made = await callApi<Change>(cli.connection(command), asked);
      cli.output(command).result(made, [`opened #${made.number} for ${made.source}`]);
    });
  describe(command, {
    description: `
      Push the branch first: what is checked and reviewed is what the server has. Pushing to
      it again moves the request along.`,
    examples: [
      ['waymark change create --title "Quote in euros"', 'for the branch that you are on'],
      ['waymark change create --branch euros --draft --title "Quote in euros"', 'for another'],
    ],
  });
}

type Status = ListedChange['status'] | 'active' | 'all';

function listCommand(change: Command, cli: Cli): void {
  const command = change
    .command('list')
    .summary('list change requests')
    .addOption(
      new Option('--status <status>', 'which; active is drafts and open ones')
        .choices(['active', 'draft', 'open', 'merged', 'closed', 'all'])
        .default('active'),
    )
    .action(async ({ status }: { status: Status }) => {
      const path = `${PATH}${filterBy(status)}`;
      const changes = await listApi<ListedChange>(cli.connection(command), path);
      const rows = withoutControls(changes).map((one) => [
        `#${one.number}`,
        one.status,
        one.author,
        one.source,
        one.title,
      ]);
      const lines = formatTable(['number', 'status', 'author', 'branch', 'title'], rows);
      cli.output(command).result(changes, lines);
    });
  describe(command, {
    description: 'The newest first.',
    examples: [
      ['waymark change list', 'what waits for somebody'],
      ['waymark change list --status merged --json', 'for a script'],
    ],
  });
}

function filterBy(status: Status): string {
  if (status === 'all') return '';
  const wanted = status === 'active' ? { $in: ['draft', 'open'] } : status;
  return `?filter=${encodeURIComponent(JSON.stringify({ status: wanted }))}`;
}

function showCommand(change: Command, cli: Cli): void {
  const command = change
    .command('show')
    .summary('show a change request, its checks and what it changes')
    .argument(...NUMBER)
    .action(async (number: string) => {
      const connection = cli.connection(command);
      const path = placeOf(number);
      const shown = await callApi<Change>(connection, { path });
      const diff = await callApi<ChangeDiff>(connection, { path: `${path}/diff` });
      const { stdout, environment } = cli.world;
      const paint = paintFor(stdout.isTTY === true && !environment.isColourless);
      const lines = changeLines(withoutControls(shown), withoutControls(diff), paint);
      cli.output(command).result({ ...shown, diff }, lines);
    });
  describe(command, {
    description: `
      Faults with path, line and column; reviews; the objects that change, and what the clients
      of each channel would receive; then the files. All as it would be after the merge.`,
    examples: [['waymark change show 7', 'in colour on a terminal, unless NO_COLOR is set']],
  });
}

interface ReviewFlags {
  approve?: boolean;
  requestChanges?: boolean;
  comment?: boolean;
  body?: string;
  head?: string;
}

function reviewCommand(change: Command, cli: Cli): void {
  const command = change
    .command('review')
    .summary('say what you think of a change')
    .argument(...NUMBER)
    .option('--approve', 'it may be merged')
    .option('--request-changes', 'it may not, until you say otherwise')
    .option('--comment', 'neither')
    .option('--body <text>', 'in Markdown')
    .option('--head <commit>', 'what you looked at, in full; default what the branch is at now')
    .action(async (number: string, flags: ReviewFlags) => {
      const connection = cli.connection(command);
      const path = placeOf(number);
      const verdict = verdictIn(flags);
      const { body, head = (await callApi<Change>(connection, { path })).head } = flags;
      const asked = { verdict, head, ...(body && { body }) };
      const request = { method: 'POST', path: `${path}/reviews`, body: asked };
      const made = await callApi<unknown>(connection, request);
      const said = verdict.replace('_', ' ');
      cli.output(command).result(made, [`#${number}: ${said} at ${head.slice(0, 12)}`]);
    });
  describe(command, {
    description: `
      A verdict is about one commit: when the branch moves, an approval does not count any
      more. Nobody approves their own change. Needs the permission changes:review.`,
    examples: [
      ['waymark change review 7 --approve', 'approve what the branch is at'],
      ['waymark change review 7 --request-changes --body "Name the currency."', 'hold it'],
    ],
  });
}

function verdictIn({ approve, requestChanges, comment }: ReviewFlags): string {
  const said = [
    ...(approve ? ['approved'] : []),
    ...(requestChanges ? ['changes_requested'] : []),
    ...(comment ? ['commented'] : []),
  ];
  const [verdict] = said;
  if (verdict !== undefined && said.length === 1) return verdict;
  throw new UsageError('give one of --approve, --request-changes and --comment');
}

interface MergeFlags {
  method: string;
  head?: string;
  message?: string;
}

function mergeCommand(change: Command, cli: Cli): void {
  const command = change
    .command('merge')
    .summary('bring a change into its target')
    .argument(...NUMBER)
    .addOption(
      new Option('--method <method>', 'how')
        .choices(['fast-forward', 'merge', 'squash'])
        .default('merge'),
    )
    .option('--head <commit>', 'merge this commit or nothing')
    .option('--message <text>', "the new commit's, instead of title and description")
    .action(async (number: string, flags: MergeFlags) => {
      const asked = { method: 'POST', path: `${placeOf(number)}/merge`, body: flags };
      const merged = await callApi<Change>(cli.connection(command), asked).catch(tellConflicts);
      const line = `merged #${number} into ${merged.target} as ${merged.mergeCommit}`;
      cli.output(command).result(merged, [line]);
    });
  describe(command, {
    description: `
      Fails, and moves nothing, while a check has not passed, an approval is missing or
      somebody has asked for changes. Needs the permission changes:merge.`,
    examples: [
      ['waymark change merge 7', 'by a merge commit'],
      ['waymark change merge 7 --method squash --message "Quote in euros"', 'as one commit'],
    ],
    exitCodes: [CONFLICTS_LEFT],
  });
}

/** Files that only a person can put together are named, as `sync` names them. */
function tellConflicts(error: unknown): never {
  const details = error instanceof ServerRefusal ? error.details : undefined;
  const { conflicts } = (details ?? {}) as { conflicts?: unknown };
  if (!Array.isArray(conflicts)) throw error;
  throw new ConflictError((error as Error).message, conflicts.map(String));
}

function closeCommand(change: Command, cli: Cli): void {
  const command = change
    .command('close')
    .summary('end a change request without merging it')
    .argument(...NUMBER)
    .action(async (number: string) => {
      const asked = { method: 'POST', path: `${placeOf(number)}/close`, body: {} };
      const closed = await callApi<Change>(cli.connection(command), asked);
      cli.output(command).result(closed, [`closed #${number}`]);
    });
  describe(command, {
    description: 'The branch stays; a new change request can be opened for it.',
    examples: [['waymark change close 7', 'it is not wanted any more']],
  });
}

/** @throws {UsageError} */
function placeOf(number: string): string {
  if (/^[1-9]\d{0,8}$/.test(number)) return `${PATH}/${number}`;
  throw new UsageError(`${number} is no number of a change request, such as 7`);
}
