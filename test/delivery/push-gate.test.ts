import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Role } from '../../src/identity/roles.ts';
import { publishVersion } from '../../src/release/publish.ts';
import { gitOutput, runGit, temporaryFolder } from '../support/git.ts';
import { type GitServer, serveGit } from '../support/git-server.ts';
import { actorWith, makeTestOrg, type TestOrg } from '../support/org.ts';
import { plugin, registryYaml, skill } from '../support/registry.ts';

let org: TestOrg;
let folder: string;
let work: string;
let servers: GitServer[];

beforeEach(async () => {
  servers = [];
  org = await makeTestOrg();
  folder = await temporaryFolder('waymark-author-');
  work = join(folder, 'work');
  await runGit(folder, ['clone', '-q', org.repository.path, work]);
});

afterEach(async () => {
  for (const server of servers) await server.close();
  await org.remove();
  await rm(folder, { recursive: true });
});

/** The lines that the author reads under `git push`; `[]` when it went through in silence. */
async function push(role: Role, ...refs: string[]): Promise<string[]> {
  const server = await serveGit(org.repository.path, org.runtime.gate(actorWith(role)));
  servers.push(server);
  const { stderr } = await gitOutput(work, ['push', server.url, ...refs]).catch((error: Error) => ({
    stderr: error.message,
  }));
  expect(server.failures).toEqual([]);
  return stderr
    .split('\n')
    .map((line) => /remote: (.*\S)/.exec(line)?.[1] ?? '')
    .filter((line) => line !== '');
}

async function commit(files: Record<string, string>): Promise<string> {
  for (const [path, content] of Object.entries(files)) await writeFile(join(work, path), content);
  await runGit(work, ['add', '--all']);
  await runGit(work, ['commit', '-q', '-m', 'Change']);
  return await runGit(work, ['rev-parse', 'HEAD']);
}

const refs = async () => (await org.repository.git('show-ref')).split('\n');

describe('pushing roles to main', () => {
  const roles = "roles: {captain: {title: Captain, permissions: ['members:write']}}";

  it('is refused to whoever may not do what they allow', async () => {
    const before = await refs();
    await commit({ 'registry.yaml': registryYaml(roles) });

    expect(await push('publisher', 'main')).toContain(
      'registry.yaml gives the role captain members:write, which you do not have yourself',
    );
    expect(await refs()).toEqual(before);
  });

  it('is for whoever may', async () => {
    const pushed = await commit({ 'registry.yaml': registryYaml(roles) });

    expect(await push('admin', 'main')).toEqual([]);
    expect(org.runtime.view.published.commit).toBe(pushed);
  });
});

describe('pushing to main', () => {
  it('is served when git says that it was pushed', async () => {
    const pushed = await commit({ 'plugins/sales/skills/quote.yaml': skill('better') });

    expect(await push('publisher', 'main')).toEqual([]);

    const { published, diagnostics } = org.runtime.view;
    expect(published.commit).toBe(pushed);
    expect(published.records.get('sales')?.commit).toBe(pushed);
    expect(diagnostics).toEqual([]);
    expect(await org.stores.publications.pendingIntents('acme')).toEqual([]);
    expect(await org.stores.audit.list('acme', 1, 10)).toMatchObject([
      { actor: 'user:ada', action: 'git.push', resource: 'refs/heads/main', after: pushed },
    ]);
  });

  it('shows every diagnostic with its path, line and column, and moves nothing', async () => {
    const before = await refs();
    await commit({
      'plugins/ops/plugin.yaml': plugin('requires: {missing: ^1.0.0}'),
      'plugins/sales/skills/quote.yaml': `kind: Skil\n${skill('quote')}`,
      'registry.yaml': registryYaml('delivery: {defaultAccess: everyone}'),
    });

    expect(await push('publisher', 'main')).toEqual([
      'plugins/ops/plugin.yaml:4:28 no plugin is named missing',
      'plugins/sales/skills/quote.yaml:3:1 the key kind stands twice in this map',
      'registry.yaml:3:34 spec.delivery.defaultAccess must be one of none, orgWide, not "everyone"',
    ]);
    expect(await refs()).toEqual(before);
    expect(org.runtime.view.published.commit).toBe(org.repository.head);
    expect(await org.stores.publications.pendingIntents('acme')).toEqual([]);
  });

  it.each<Role>(['editor', 'approver', 'viewer', 'auditor', 'client'])(
    'is refused to the role %s',
    async (role) => {
      await commit({ 'README.md': 'hello' });

      expect(await push(role, 'main')).toEqual(['pushing to main needs the role publisher']);
    },
  );

  it('is refused to everyone while main is protected', async () => {
    await org.commit({ 'registry.yaml': registryYaml('protection: {changeRequest: true}') });
    await runGit(work, ['pull', '-q']);
    await commit({ 'README.md': 'hello' });

    expect(await push('owner', 'main')).toEqual([
      'main is protected: push a branch and open a change request',
    ]);
    expect(await push('editor', 'main:refs/heads/proposal')).toEqual([]);
  });

  it('is refused where approvals are asked for: a push has none', async () => {
    await org.commit({ 'registry.yaml': registryYaml('protection: {approvals: 1}') });
    await runGit(work, ['pull', '-q']);
    await commit({ 'README.md': 'hello' });

    expect(await push('owner', 'main')).toEqual([
      'main is protected: push a branch and open a change request',
    ]);
  });

  it('takes the first registry of an empty repository', async () => {
    const empty = await makeTestOrg({}, { slug: 'new' });
    const server = await serveGit(empty.repository.path, empty.runtime.gate(actorWith('owner')));
    servers.push(server);

    expect(() => empty.runtime.view).toThrow('new serves nothing yet: push a registry to main');
    await runGit(work, ['push', '-q', server.url, 'main']);

    expect([...empty.runtime.view.published.records.keys()]).toEqual(['ops', 'sales']);
    await empty.remove();
  });

  it('cannot delete or rewind it', async () => {
    const pushed = await commit({ 'README.md': 'hello' });
    await push('owner', 'main');

    await push('owner', '--force', `${pushed}~1:refs/heads/main`);
    await push('owner', ':refs/heads/main');

    expect(await refs()).toEqual([`${pushed} refs/heads/main`]);
  });

  it('refuses all of a push of which one ref is refused', async () => {
    await commit({ 'README.md': 'hello' });

    expect(await push('editor', 'main', 'main:refs/heads/proposal')).toEqual([
      'pushing to main needs the role publisher',
    ]);
    expect(await refs()).toHaveLength(1);
  });

  it('keeps nothing of a refused push', async () => {
    await commit({ 'plugins/ops/plugin.yaml': plugin('requires: {missing: ^1.0.0}') });
    const before = await org.repository.git('count-objects');

    await push('publisher', 'main');

    expect(await org.repository.git('count-objects')).toBe(before);
  });
});

describe('pushing a branch', () => {
  it('is for editors, and not judged before it is merged', async () => {
    await commit({ 'registry.yaml': 'broken: [' });

    expect(await push('viewer', 'main:refs/heads/draft')).toEqual([
      'pushing a branch needs the role editor',
    ]);
    expect(await push('editor', 'main:refs/heads/draft')).toEqual([]);
  });

  it.each(['refs/replace/1', 'refs/notes/commits', 'refs/waymark/x'])('refuses %s', async (ref) => {
    const head = await commit({ 'README.md': 'hello' });
    const name = ref === 'refs/replace/1' ? `refs/replace/${head}` : ref;

    expect(await push('owner', `main:${name}`)).toEqual([
      `${name} is not for clients: push to refs/heads/ or a release tag`,
    ]);
  });
});

describe('pushing a tag', () => {
  const VERSION = { plugin: 'sales', version: '1.0.0' };

  async function publishAndFetch(): Promise<void> {
    await publishVersion(org.publishing, VERSION);
    await runGit(work, ['fetch', '-q', '--tags']);
  }

  it('refuses a name that no release has', async () => {
    await runGit(work, ['tag', '-a', 'v1.0.0', '-m', 'First']);

    expect(await push('owner', 'v1.0.0')).toEqual([
      'v1.0.0 names no release: use <plugin>--v<version> or release/<name>',
    ]);
  });

  it('refuses a lightweight tag', async () => {
    await runGit(work, ['tag', 'sales--v1.0.0']);

    expect(await push('owner', 'sales--v1.0.0')).toEqual([
      'sales--v1.0.0 is no annotated tag: publish it as a release',
    ]);
  });

  it('refuses a tag that is not signed by the org', async () => {
    await runGit(work, ['tag', '-a', 'sales--v1.0.0', '-m', 'First']);

    expect(await push('owner', 'sales--v1.0.0')).toEqual([
      'sales--v1.0.0 is no release of this organisation: the tag has no block behind its notes',
    ]);
  });

  it('refuses a release to who may not publish', async () => {
    await runGit(work, ['tag', '-a', 'sales--v1.0.0', '-m', 'First']);

    expect(await push('editor', 'sales--v1.0.0')).toEqual([
      'publishing a release needs the role publisher',
    ]);
  });

  it('refuses a signed tag under another name', async () => {
    await publishAndFetch();
    const oid = await runGit(work, ['rev-parse', 'refs/tags/sales--v1.0.0']);

    expect(await push('owner', `${oid}:refs/tags/sales--v2.0.0`)).toEqual([
      'sales--v2.0.0 is no release of this organisation: the tag says that it is sales--v1.0.0, and stands at sales--v2.0.0',
    ]);
  });

  it('refuses a tag that another org has signed', async () => {
    const other = await makeTestOrg(undefined, { slug: 'other' });
    await publishVersion(other.publishing, VERSION);
    await runGit(work, ['fetch', '-q', other.repository.path, 'tag', 'sales--v1.0.0']);

    const [said] = await push('owner', 'sales--v1.0.0');

    expect(said).toMatch(/^sales--v1.0.0 is no release of this organisation: .*sign/);
    expect(org.runtime.view.releases.size).toBe(0);
    await other.remove();
  });

  it('never moves or deletes a release', async () => {
    await publishAndFetch();
    const before = await refs();
    await runGit(work, ['tag', '-f', '-a', 'sales--v1.0.0', '-m', 'Other']);

    const said = 'a release never moves: sales--v1.0.0 is published';
    expect(await push('owner', '--force', 'sales--v1.0.0')).toEqual([said]);
    await push('owner', ':refs/tags/sales--v1.0.0');

    expect(await refs()).toEqual(before);
  });

  it('takes back its own releases after they were lost', async () => {
    await publishAndFetch();
    await org.repository.git('update-ref', '-d', 'refs/tags/sales--v1.0.0');
    await org.runtime.refresh();

    expect(await push('publisher', 'sales--v1.0.0')).toEqual([]);

    expect(org.runtime.view.releases.get('sales')).toMatchObject([{ version: '1.0.0', seq: 1 }]);
    expect(org.runtime.view.diagnostics).toEqual([]);
  });
});

describe('pushing a secret', () => {
  // Put together here, so that no scanner takes this file for a leak.
  const token = `ghp_${'a1B2c3D4e5F6g7H8i9J0'.repeat(2).slice(0, 36)}`;

  it.each([
    ['main', 'publisher'],
    ['main:refs/heads/topic', 'editor'],
  ] as const)('to %s is refused with its file and line', async (ref, role) => {
    const before = await refs();
    await commit({ 'plugins/sales/notes.md': `# Notes\n\nUse ${token} here.\n` });

    const lines = await push(role, ref);

    expect(lines[0]).toMatch(/^plugins\/sales\/notes\.md:3:5 this looks like a secret \(github, /);
    expect(lines.join()).not.toContain(token);
    expect(await refs()).toEqual(before);
  });

  it('is refused where a later commit of the push has removed it', async () => {
    await commit({ 'plugins/sales/notes.md': token });
    await commit({ 'plugins/sales/notes.md': 'It is gone.\n' });

    expect(await push('publisher', 'main')).toContainEqual(
      expect.stringMatching(/^plugins\/sales\/notes\.md:1:1 /),
    );
  });

  it('does not hold up a push of other files, once it was let in by its comment', async () => {
    await commit({ 'plugins/sales/notes.md': `${token} <!-- secretlint-disable-line -->\n` });
    expect(await push('publisher', 'main')).toEqual([]);
    await commit({ 'plugins/sales/more.md': 'More.\n' });

    expect(await push('publisher', 'main')).toEqual([]);
  });
});
