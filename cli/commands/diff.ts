import type { Command } from 'commander';
import { formatDiagnostic } from '../../src/model/diagnostic.ts';
import { type DiffItem, diffSnapshots, type SnapshotDiff } from '../../src/registry/diff.ts';
import type { Snapshot } from '../../src/registry/snapshot.ts';
import type { Cli } from '../cli.ts';
import { Failure } from '../errors.ts';
import { describe } from '../help.ts';
import { compileNamed } from '../revision.ts';

type Sort = 'plugins' | 'objects' | 'documents';

/** Names of one sort: what is new, other, and gone. Sorted. */
interface Difference {
  added: string[];
  changed: string[];
  removed: string[];
}

export function diffCommand(program: Command, cli: Cli): void {
  const command = program
    .command('diff')
    .summary('compare two registries, object by object')
    .argument('<a>', 'a folder, or a revision of the repository that you are in')
    .argument('<b>', 'another')
    .action(async (a: string, b: string) => {
      const [before, after] = [await compileOrFail(a, cli), await compileOrFail(b, cli)];
      const diff = diffSnapshots(before, after);
      const value = {
        plugins: names(diff, 'plugins'),
        objects: names(diff, 'objects'),
        documents: names(diff, 'documents'),
      };
      const lines = Object.entries(value).flatMap(([sort, difference]) =>
        diffLines(sort, difference),
      );
      cli.output(command).result(value, lines.length > 0 ? lines : ['no difference']);
    });
  describe(command, {
    description: `
      Compiles both and compares what clients would get: plugins and config objects by id and
      content, so that a moved file is no change; and the other documents, such as channels
      and grants, by path. A revision is a branch, a tag or a commit, with ~<n> for its nth
      first parent. Needs neither server nor git.`,
    examples: [
      ['waymark diff main~1 main', 'what the last commit changed'],
      ['waymark diff sales--v1.3.0 .', 'a release and the working tree'],
    ],
  });
}

async function compileOrFail(name: string, cli: Cli): Promise<Snapshot> {
  const result = await compileNamed(name, cli.world.cwd);
  if (result.ok) return result.value;
  const faults = result.error.map((diagnostic) => `  ${formatDiagnostic(diagnostic)}`);
  throw new Failure([`${name} does not compile:`, ...faults].join('\n'));
}

/** Plugins and objects by id, other documents by path. */
function names(diff: SnapshotDiff, sort: Sort): Difference {
  const of = (items: readonly DiffItem[]) =>
    items
      .filter((item) => sortOf(item) === sort)
      .map(({ id, path }) => (sort === 'documents' ? path : id))
      .sort();
  return { added: of(diff.added), changed: of(diff.changed), removed: of(diff.removed) };
}

function sortOf({ kind, path }: DiffItem): Sort {
  if (kind === 'Plugin') return 'plugins';
  return /^(plugins|objects)\//.test(path) ? 'objects' : 'documents';
}

function diffLines(sort: string, { added, changed, removed }: Difference): string[] {
  const lines = [
    ...added.map((name) => `  + ${name}`),
    ...changed.map((name) => `  ~ ${name}`),
    ...removed.map((name) => `  - ${name}`),
  ];
  return lines.length > 0 ? [`${sort}:`, ...lines] : [];
}
