import { parse } from 'yaml';
import { runGit } from '../test/support/git.ts';
import { commitTo } from './commit.ts';
import { timed } from './sample.ts';

/** One commit of one file, and how long git and a parser need to find and read it. */
export interface Pushed {
  commit: string;
  yardstickMs: number;
}

interface Change {
  repo: string;
  path: string;
  text: string;
}

// A process of its own, as an author's git is: what a large one starts slows it down afterwards.
process.on('message', (change: Change) => {
  void push(change).then((pushed) => process.send!(pushed));
});

async function push({ repo, path, text }: Change): Promise<Pushed> {
  const commit = await commitTo(repo, { [path]: text });
  return { commit, yardstickMs: await timed(() => readChange(repo, commit)) };
}

async function readChange(repo: string, commit: string): Promise<void> {
  const listed = await runGit(repo, ['diff-tree', '-r', '--no-commit-id', commit]);
  const oid = listed.split(' ')[3]!;
  parse(await runGit(repo, ['cat-file', 'blob', oid]));
}
