import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

let image: string;
let dockerfile: string;

beforeAll(async () => {
  image = await mkdtemp(join(tmpdir(), 'waymark-image-'));
  dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8');
});

afterAll(() => rm(image, { recursive: true }));

/** What the image gets of this checkout. */
function copied(): string[] {
  const lines = dockerfile.match(/^COPY (?!--from).*$/gm) ?? [];
  return lines.flatMap((line) => line.split(' ').slice(1, -1));
}

const execForm = (instruction: RegExp): string[] =>
  JSON.parse(instruction.exec(dockerfile)?.[1] ?? '[]') as string[];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('Dockerfile', () => {
  it('copies what is there, and is sent to the builder', async () => {
    const sent = (await readFile(join(root, '.dockerignore'), 'utf8')).split('\n');

    for (const path of copied()) {
      expect(sent).toContain(`!${path}`);
      expect(existsSync(join(root, path)), path).toBe(true);
    }
  });

  it('does not run as root', () => {
    expect(dockerfile).toMatch(/^USER node$/m);
  });

  it('copies all that a healthy server needs', async () => {
    for (const path of copied()) {
      await cp(join(root, path), join(image, path), { recursive: true });
    }
    await symlink(join(root, 'node_modules'), join(image, 'node_modules'));
    const [, ...args] = execForm(/^CMD (\[.*\])$/m);
    const port = String(await freePort());
    const env = {
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      WAYMARK_PORT: port,
      WAYMARK_DATA_DIR: join(image, 'data'),
    };
    const server = spawn(process.execPath, args, {
      cwd: image,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(server, 'close');
    await Promise.race([once(server.stdout, 'data'), ended]);

    const [, ...probe] = execForm(/^HEALTHCHECK [^[]*(\[.*\])$/m);
    const healthy = await run(process.execPath, probe, { env }).then(
      () => true,
      () => false,
    );
    server.kill('SIGTERM');

    expect(await ended).toEqual([0, null]);
    expect(healthy).toBe(true);
    await expect(run(process.execPath, probe, { env })).rejects.toMatchObject({ code: 1 });
  });
});
