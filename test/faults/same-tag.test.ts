import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryPath } from '../../src/git/repository.ts';
import { type Answered, ask } from '../support/app.ts';
import { type OpenedDatabase, openPostgres, postgresServer } from '../support/backends.ts';
import { runGit, temporaryFolder } from '../support/git.ts';
import { openService, type TestService } from '../support/service.ts';
import { isFull } from './site.ts';

const ROUNDS = isFull ? 200 : 10;
const ORG = 'acme';

interface Made {
  data: { seq: number; tagOid: string };
  error: { code: string };
}

/**
 * Fault 16 of docs/spec/reliability.md. A node is all of a server but its socket and its hold on
 * the data directory, which keeps other servers of the machine away: connections of its own to
 * one PostgreSQL, git processes of its own in one repository, and a memory of its own.
 */
const server = await postgresServer();
describe.skipIf(server === undefined)('two nodes that create the same tag', () => {
  let folder: string;
  let database: OpenedDatabase & { url: string };
  let nodes: TestService[];
  let commits: string[];

  beforeAll(async () => {
    folder = await temporaryFolder('waymark-nodes-');
    database = await openPostgres(server!);
    const open = () =>
      openService(join(folder, 'data'), { DATABASE_URL: database.url, WAYMARK_EXAMPLE_ORG: ORG });
    const first = await open();
    const tree = join(folder, 'tree');
    const url = `${first.url.replace('://', `://git:${first.admin}@`)}/git/${ORG}.git`;
    await runGit(folder, ['clone', '-q', url, tree]);
    commits = [await pushNews(tree, 'One.'), await pushNews(tree, 'Two.')];
    nodes = [first, await open()];
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function pushNews(tree: string, news: string): Promise<string> {
    await writeFile(join(tree, 'plugins/sales/README.md'), news);
    await runGit(tree, ['commit', '-qam', news]);
    await runGit(tree, ['push', '-q', 'origin', 'HEAD:main']);
    return await runGit(tree, ['rev-parse', 'HEAD']);
  }

  const publish = ({ url, admin }: TestService, version: string, commit: string) =>
    ask<Made>(`${url}/api/v1/components/sales/versions`, {
      token: admin,
      headers: { 'x-waymark-org': ORG },
      body: { version, commit },
    });

  it(`have one winner each time, and the other gets 409 (${ROUNDS} times)`, async () => {
    const winners = new Set<number>();
    for (let round = 0; round < ROUNDS; round++) {
      const version = `9.${round}.0`;
      const answers = await Promise.all(
        nodes.map((node, i) => publish(node, version, commits[(i + round) % 2]!)),
      );

      const won = answers.findIndex(({ status }) => status === 201);
      const lost = answers[1 - won];
      expect(
        answers.map(({ status }) => status).toSorted((a, b) => a - b),
        textOf(answers),
      ).toEqual([201, 409]);
      expect(lost?.body.error.code).toBe('REL_TAG_EXISTS');
      const tag = `refs/tags/sales--v${version}`;
      expect(await runGit(repo(), ['rev-parse', tag])).toBe(answers[won]!.body.data.tagOid);
      winners.add(won);
    }

    if (isFull) expect(winners).toEqual(new Set([0, 1]));
  });

  it('have told of each once, in one whole audit chain', async () => {
    const [node] = nodes as [TestService];
    const filter = encodeURIComponent(
      '{"action":"release.publish","resource":{"$contains":"--v9."}}',
    );
    const asked = { token: node.admin, headers: { 'x-waymark-org': ORG } };
    const url = `${node.url}/api/v1/audit`;
    const listed = await ask<{ meta: { pagination: { totalItems: number } } }>(
      `${url}?filter=${filter}`,
      asked,
    );
    const verified = await ask<{ data: { ok: boolean } }>(`${url}/verify`, asked);

    expect(listed.body.meta.pagination.totalItems).toBe(ROUNDS);
    expect(verified.body.data.ok).toBe(true);
    await runGit(repo(), ['fsck', '--strict', '--no-dangling']);
  });

  const repo = () => repositoryPath(join(folder, 'data'), ORG);
});

const textOf = (answers: readonly Answered[]): string => answers.map(({ text }) => text).join('\n');
