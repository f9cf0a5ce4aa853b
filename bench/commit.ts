import { type Files, runGit } from '../test/support/git.ts';

/** Adds a commit to `main` of a bare repository, by git itself and past every gate; moves the ref. */
export async function commitTo(repo: string, files: Files): Promise<string> {
  const ref = 'refs/heads/main';
  const parent = await runGit(repo, ['for-each-ref', '--format=%(objectname)', ref]);
  const author = `Bench <bench@example.com> ${Math.floor(Date.now() / 1000)} +0000`;
  const stream = [
    Buffer.from(`commit ${ref}\nauthor ${author}\ncommitter ${author}\ndata 6\nChange\n`),
    Buffer.from(parent ? `from ${parent}\n` : ''),
    ...Object.entries(files).flatMap(([path, file]) => {
      const content = Buffer.from(file as string | Buffer);
      const head = `M 100644 inline ${path}\ndata ${content.length}\n`;
      return [Buffer.from(head), content, Buffer.from('\n')];
    }),
    Buffer.from('done\n'),
  ];
  await runGit(repo, ['fast-import', '--quiet', '--done'], Buffer.concat(stream));
  return await runGit(repo, ['rev-parse', ref]);
}
