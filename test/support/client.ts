import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readEnvironment } from '../../cli/config.ts';
import { runCli } from '../../cli/program.ts';
import { NOW_MS } from './fake-repository.ts';

export interface CliRun {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** Standard output as JSON. */
  json(): Record<string, unknown>;
}

/** A project's folder and a `waymark` that runs in it, in this process. */
export interface TestClient {
  dir: string;
  env: NodeJS.ProcessEnv;
  nowMs: number;
  stdin: string;
  run(...argv: string[]): Promise<CliRun>;
  path(...names: string[]): string;
  read(path: string): Promise<string>;
  write(path: string, content: string): Promise<void>;
  /** Every file under a folder, with its content; `''` for none. */
  files(folder?: string): Promise<Record<string, string>>;
  remove(): Promise<void>;
}

export async function makeClient(env: NodeJS.ProcessEnv = {}): Promise<TestClient> {
  const home = await mkdtemp(join(tmpdir(), 'waymark-cli-'));
  const dir = join(home, 'project');
  await mkdir(dir);
  const client: TestClient = {
    dir,
    env: { HOME: home, ...env },
    nowMs: NOW_MS,
    stdin: '',
    async run(...argv) {
      const said = { stdout: '', stderr: '' };
      const into = (name: keyof typeof said) => ({
        write: (text: string) => {
          said[name] += text;
        },
      });
      const exitCode = await runCli(argv, {
        environment: readEnvironment(client.env),
        cwd: dir,
        stdin: (async function* () {
          yield client.stdin;
        })(),
        stdout: into('stdout'),
        stderr: into('stderr'),
        clock: () => client.nowMs,
      });
      return { exitCode, ...said, json: () => JSON.parse(said.stdout) };
    },
    path: (...names) => join(dir, ...names),
    read: (path) => readFile(join(dir, path), 'utf8'),
    async write(path, content) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), content);
    },
    files: (folder = '.') => readFiles(join(dir, folder)),
    remove: () => rm(home, { recursive: true, force: true }),
  };
  return client;
}

async function readFiles(dir: string): Promise<Record<string, string>> {
  const names = await readdir(dir, { recursive: true }).catch(() => []);
  const files: Record<string, string> = {};
  for (const name of names) {
    const path = join(dir, name);
    if ((await stat(path)).isFile()) files[name] = await readFile(path, 'utf8');
  }
  return files;
}
