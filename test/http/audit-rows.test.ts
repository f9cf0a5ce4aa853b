import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGit } from '../support/git.ts';
import { closeScene, mutations, openScene, type Scene, send } from '../support/mutations.ts';
import { routeTables } from '../support/route-table.ts';
import { openService, type TestService } from '../support/service.ts';

let service: TestService;
let scene: Scene;

beforeAll(async () => {
  service = await openService(undefined, { WAYMARK_OUTBOUND_ALLOW: '127.0.0.0/8' });
  scene = await openScene(service);
});

afterAll(async () => {
  // The upstream that nothing listens at.
  expect(service.logged).toMatchObject([{ error: { code: 'UPSTREAM_FAILED' } }]);
  await closeScene(scene);
  await service.close();
});

/** The actions of the rows that a request has written, whichever tenant's, in their order. */
function rowsOf(requestId: string): string[] {
  const database = new DatabaseSync(join(service.dataDir, 'waymark.db'), { readOnly: true });
  try {
    const sql = 'select action from audit where request_id = ? order by rowid';
    return database
      .prepare(sql)
      .all(requestId)
      .map(({ action }) => String(action));
  } finally {
    database.close();
  }
}

/** These speak git, and are driven by git itself. */
const BY_GIT = ['POST /git/:orgId.git/git-receive-pack', 'POST /git/:orgId.git/git-upload-pack'];

describe('every route that may change something', () => {
  it('is tried here: give a new one a sample request and the rows that it writes', async () => {
    const tables = await routeTables();
    const routes = tables.flatMap(({ at, rows }) =>
      rows.map(({ method, path }) => `${method.toUpperCase()} ${join(at, path)}`),
    );

    const changing = routes.filter((label) => !label.startsWith('GET ')).sort();

    const tried = [...new Set([...BY_GIT, ...mutations.map(({ route }) => route)])].sort();
    expect(tried).toEqual(changing);
  });
});

describe('the audit rows of a request', () => {
  it.each(mutations)('$route: $rows', async (mutation) => {
    const requestId = await send(scene, mutation);

    expect(rowsOf(requestId)).toEqual(mutation.rows);
  });

  it('POST /git/:orgId.git/git-receive-pack: one for each ref', async () => {
    const { tree } = scene;
    const header = ['-c', 'http.extraHeader=X-Request-Id: request-of-git'];
    await runGit(tree, ['pull', '-q', '--rebase', 'origin', 'main']);
    await writeFile(join(tree, 'plugins/sales/NEWS.md'), 'pushed\n');
    await runGit(tree, ['commit', '-qam', 'Push']);

    await runGit(tree, [...header, 'push', '-q', 'origin', 'HEAD:main', 'HEAD:draft']);

    expect(rowsOf('request-of-git')).toEqual(['git.push', 'git.push']);
  });

  it('POST /git/:orgId.git/git-upload-pack: none', async () => {
    const header = ['-c', 'http.extraHeader=X-Request-Id: request-of-fetch'];

    await runGit(scene.tree, [...header, 'fetch', '-q', 'origin']);

    expect(rowsOf('request-of-fetch')).toEqual([]);
  });
});
