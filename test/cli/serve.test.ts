import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeClient, type TestClient } from '../support/client.ts';

const launcher = new URL('../../cli/waymark.mjs', import.meta.url).pathname;

describe('waymark serve', () => {
  let client: TestClient;
  beforeEach(async () => {
    client = await makeClient();
  });
  afterEach(() => client.remove());

  const serve = (...argv: string[]) =>
    spawn(process.execPath, [launcher, 'serve', ...argv], {
      cwd: client.dir,
      env: { ...client.env, PATH: process.env['PATH'] },
    });

  it('starts a server that answers, and stops it on SIGTERM: exit 0', async () => {
    const data = client.path('data');
    const server = serve('--port', '0', '--data-dir', data);
    const ended = once(server, 'exit');
    const [line] = (await once(createInterface(server.stdout), 'line')) as [string];

    const [, url = ''] = /^waymark listening on (http:\S+)$/.exec(line) ?? [];
    const health = await fetch(`${url}/healthz`);
    const key = await readFile(join(data, 'admin-key'), 'utf8');
    const login = await client.run('login', '--url', url, '--org', 'acme', '--token', key.trim());
    server.kill('SIGTERM');

    expect(health.status).toBe(200);
    expect(login.exitCode).toBe(0);
    expect((await ended)[0]).toBe(0);
  });

  it('passes on the exit code of a server that does not start', async () => {
    const server = serve('--port', 'nonsense');

    expect((await once(server, 'exit'))[0]).toBe(2);
    await expect(stat(client.path('data'))).rejects.toThrow('ENOENT');
  });
});
