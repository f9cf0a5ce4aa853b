import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runGit } from './git.ts';
import { openGpg } from './gpg.ts';

/** Somebody with a real gpg key, with whose git commits can be signed. */
export interface SigningAuthor {
  /** Armored. */
  publicKey: string;
  /** Lets `git commit` in a work tree sign by itself. */
  signIn(work: string): Promise<void>;
  /** A signed commit of a tree upon a parent, that no ref holds; answers its oid. */
  commitTree(repo: string, tree: string, parent: string): Promise<string>;
  close(): Promise<void>;
}

export async function makeSigningAuthor(name: string): Promise<SigningAuthor> {
  const gpg = await openGpg();
  const publicKey = await gpg.makeKey(name, 'cv25519');
  const program = join(gpg.home, 'sign');
  // git knows no option for the keyring's place.
  await writeFile(program, `#!/bin/sh\nexec gpg --homedir '${gpg.home}' --batch --no-tty "$@"\n`);
  await chmod(program, 0o755);
  return {
    publicKey,
    async signIn(work) {
      await runGit(work, ['config', 'gpg.program', program]);
      await runGit(work, ['config', 'user.signingKey', name]);
      await runGit(work, ['config', 'commit.gpgSign', 'true']);
    },
    commitTree(repo, tree, parent) {
      const settings = ['-c', `gpg.program=${program}`];
      const signing = [`-S${name}`, '-p', parent, '-m', 'Change', tree];
      return runGit(repo, [...settings, 'commit-tree', ...signing]);
    },
    close: () => gpg.close(),
  };
}

/** The part of a registry.yaml's spec that asks for commits signed by this key. */
export const signedBy = (user: string, publicKey: string): string =>
  `protection: ${JSON.stringify({ signedCommits: true, signers: [{ user, publicKey }] })}`;
