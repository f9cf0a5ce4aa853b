import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../support/app.ts';
import { runGit } from '../support/git.ts';
import { execute, type Gpg, openGpg } from '../support/gpg.ts';
import { openSite, push, type Site, succeed } from '../support/site.ts';
import { command, smallRegistry } from '../support/small-registry.ts';

const QUOTE = 'plugins/sales/commands/quote.yaml';

let site: Site;
let gpg: Gpg;
let tree: string;
let publisher: string;
/** Of the org's release key, as gpg lists it. */
let releaseKey: string;

beforeAll(async () => {
  site = await openSite({ isEmpty: true });
  gpg = await openGpg();
  publisher = await site.keyOf('--role', 'publisher', '--user', 'pat@example.com');
  const first = site.admin.path('first');
  await mkdir(first);
  await runGit(first, ['init', '-q', '-b', 'main']);
  await runGit(first, ['remote', 'add', 'origin', site.gitUrl(publisher)]);
  await push(first, smallRegistry);
  await runGit(site.admin.dir, ['clone', '-q', site.gitUrl(publisher), 'tree']);
  tree = site.admin.path('tree');
  await succeed(site.admin, 'release', 'publish', 'sales@1.0.0', '--notes', 'The first.');
  await runGit(tree, ['fetch', '-q', '--tags']);
  const armored = (await ask(delivery('/keys'), { token: publisher })).text;
  await gpg.importKey(armored);
  const { stdout } = await gpg.run(['--with-colons', '--fingerprint', '--list-keys']);
  releaseKey = /^fpr:+([0-9A-F]{40}):/m.exec(stdout.toString())![1]!;
}, 60_000);

afterAll(async () => {
  await gpg.close();
  await site.close();
});

const delivery = (path: string): string => `${site.server.url}/v1/orgs/${site.org}/delivery${path}`;

async function download(path: string, token: string): Promise<Buffer> {
  const answer = await fetch(delivery(path), { headers: { authorization: `Bearer ${token}` } });
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

describe('git', () => {
  it('clones what was pushed', async () => {
    expect(await readFile(join(tree, QUOTE), 'utf8')).toBe(smallRegistry[QUOTE]);
  });

  it('pushes an edit, which is served at once', async () => {
    await push(tree, { [QUOTE]: command('Write it again.') });

    const { body } = await ask<{ resolved: { commit: string } }>(
      delivery('/plugins/sales/manifest'),
      { token: publisher },
    );
    expect(body.resolved.commit).toBe(await runGit(tree, ['rev-parse', 'HEAD']));
  });

  it('shows every diagnostic when a push is refused, and serves what it did', async () => {
    const before = await ask(delivery('/index'), { token: publisher });
    const broken = {
      [QUOTE]: 'apiVersion: waymark/v1\nkind: Command\nspec: {template: 7}\n',
      'plugins/ops/plugin.yaml': 'apiVersion: waymark/v1\nkind: Plugin\nspec: [\n',
    };

    const refused = push(tree, broken);

    await expect(refused).rejects.toThrow(/remote: .*quote\.yaml:3:\d+ .*template/);
    await expect(refused).rejects.toThrow(/remote: .*plugin\.yaml:\d+:\d+ /);
    await expect(refused).rejects.toThrow(/! \[remote rejected\] HEAD -> main/);
    const after = await ask(delivery('/index'), { token: publisher });
    expect(after.text).toBe(before.text);
    await runGit(tree, ['reset', '-q', '--hard', 'origin/main']);
  });

  it('may not move main with a key that may not', async () => {
    const viewer = await site.keyOf('--role', 'viewer');
    const editor = await site.keyOf('--role', 'editor');
    const served = await runGit(tree, ['ls-remote', site.gitUrl(publisher), 'main']);
    await runGit(tree, ['commit', '-q', '--allow-empty', '-m', 'Mine']);

    for (const [key, why] of [
      [viewer, '403'],
      [editor, 'pushing to main needs the role publisher'],
    ] as const) {
      await expect(runGit(tree, ['push', site.gitUrl(key), 'HEAD:main'])).rejects.toThrow(why);
    }

    expect(await runGit(tree, ['ls-remote', site.gitUrl(publisher), 'main'])).toBe(served);
    await runGit(tree, ['reset', '-q', '--hard', 'HEAD~1']);
  });

  it('verifies a release tag with the exported key', async () => {
    const env = { GNUPGHOME: gpg.home, GIT_CONFIG_GLOBAL: '/dev/null' };

    const verified = await execute('git', ['-C', tree, 'verify-tag', 'sales--v1.0.0'], '', env);

    expect(verified.stderr).toContain('Good signature');
    expect(verified.stderr).toContain(releaseKey);
    expect(verified.code).toBe(0);
  });

  it('reads the notes of a release in its tag', async () => {
    const said = await runGit(tree, ['for-each-ref', '--format=%(contents)', 'refs/tags']);

    expect(said).toMatch(/^The first\.\n/);
  });

  it('may not move a release tag', async () => {
    await runGit(tree, ['tag', '-f', 'sales--v1.0.0', 'HEAD']);

    await expect(runGit(tree, ['push', '-f', 'origin', 'sales--v1.0.0'])).rejects.toThrow(
      'a release never moves',
    );
  });

  it('may not push a tag copied from another release', async () => {
    const listed = await runGit(tree, ['ls-remote', 'origin', 'refs/tags/sales--v1.0.0']);
    const [oid = ''] = listed.split('\t');

    const copying = runGit(tree, ['push', 'origin', `${oid}:refs/tags/sales--v9.0.0`]);

    await expect(copying).rejects.toThrow(
      'the tag says that it is sales--v1.0.0, and stands at sales--v9.0.0',
    );
  });
});

describe('gpg', () => {
  it.each(['cv25519', 'rsa2048'] as const)('reads a bundle for a %s key', async (algorithm) => {
    const publicKey = await gpg.makeKey(`${algorithm} client`, algorithm);
    const key = await site.keyOf('--role', 'editor', '--user', 'ada@example.com');
    const enrolled = await ask<{ token: string }>(delivery('/clients'), {
      token: key,
      body: { name: algorithm, publicKey },
    });
    const sealed = await download(
      '/plugins/sales/download?release=1.0.0&encryption=openpgp',
      enrolled.body.token,
    );

    const opened = await gpg.run(['--status-fd', '2', '--decrypt'], sealed);

    expect(opened.code).toBe(0);
    expect(opened.stderr).toContain('[GNUPG:] DECRYPTION_OKAY');
    expect(opened.stderr).toContain('[GNUPG:] GOODMDC');
    expect(opened.stderr).toMatch(new RegExp(`\\[GNUPG:\\] VALIDSIG ${releaseKey} `));
    expect(gunzipSync(opened.stdout).includes('Net 30.')).toBe(true);
  });

  it.each(['/plugins/sales/manifest', '/plugins/sales/releases/1.0.0/manifest'])(
    'verifies %s with the signature beside it',
    async (path) => {
      const body = await download(path, publisher);
      const signature = await download(`${path}.asc`, publisher);

      const verified = await verify(signature, body);

      expect(verified.stderr).toMatch(new RegExp(`VALIDSIG ${releaseKey} `));
      expect(verified.code).toBe(0);
    },
  );

  it('refuses a manifest of which a byte was changed', async () => {
    const body = await download('/plugins/sales/manifest', publisher);
    const signature = await download('/plugins/sales/manifest.asc', publisher);
    body[body.length - 5]! ^= 1;

    const verified = await verify(signature, body);

    expect(verified.stderr).toContain('BADSIG');
    expect(verified.code).toBe(1);
  });

  it.each([
    ['index', '/index'],
    ['root', '/root'],
  ] as const)('verifies %s with the key that the root names for it', async (role, path) => {
    const root = JSON.parse((await download('/root', publisher)).toString());
    const [fingerprint] = root.roles[role].keyids as [string];
    await gpg.importKey(root.keys[fingerprint].armored);

    const verified = await verify(
      await download(`${path}.asc`, publisher),
      await download(path, publisher),
    );

    expect(verified.stderr).toMatch(new RegExp(`VALIDSIG ${fingerprint} `, 'i'));
    expect(verified.code).toBe(0);
  });
});

async function verify(signature: Buffer, body: Buffer) {
  const paths = [site.admin.path('document.asc'), site.admin.path('document')] as const;
  await writeFile(paths[0], signature);
  await writeFile(paths[1], body);
  return gpg.run(['--status-fd', '2', '--verify', ...paths]);
}
