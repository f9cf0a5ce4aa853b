import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
const launcher = join(root, 'cli/waymark.mjs');

/** A fenced block of a guide. */
export interface Block {
  /** Of a file, which is named above it; commands have none. */
  path: string | undefined;
  text: string;
}

/** The blocks of a guide under a heading, in their order. */
export function blocksUnder(guide: string, heading: string): Block[] {
  const section = guide.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const blocks = section.matchAll(/(?:^`([^`\n]+)`\n\n)?^```\w+\n([\s\S]*?)^```$/gm);
  return [...blocks].map(([, path, text = '']) => ({ path, text }));
}

/** Somebody who follows the guide in one terminal, with another for what goes on running. */
export class GuideReader {
  dir = '';
  #env: Record<string, string> = {};
  #running: ChildProcess | undefined;
  #said = '';
  /** What the guide cannot know, and what it says instead. */
  readonly #instead = new Map<string, string>();

  async begin(): Promise<void> {
    this.dir = await realpath(await mkdtemp(join(tmpdir(), 'waymark-guide-')));
    this.#instead.set('8099', String(await freePort()));
    this.#env = {
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      HOME: this.dir,
      TMPDIR: this.dir,
      WAYMARK_PORT: '0',
      CI: 'true',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.com',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@example.com',
    };
    await writeFile(join(this.dir, '.state'), `cd '${this.dir}'\n`);
  }

  async end(): Promise<void> {
    await this.stop();
    await rm(this.dir, { recursive: true, force: true });
  }

  /** Writes the files and runs the commands; answers what each block of commands said. */
  async follow(blocks: readonly Block[]): Promise<string[]> {
    const said: string[] = [];
    for (const { path, text } of blocks) {
      const block = [...this.#instead].reduce(
        (all, [one, other]) => all.replaceAll(one, other),
        text,
      );
      if (path) await this.#write(path, block);
      else if (/^waymark (?:plugin dev|serve)/m.test(block)) await this.#start(block);
      else said.push(await this.#run(block));
    }
    return said;
  }

  async stop(): Promise<void> {
    const child = this.#running;
    this.#running = undefined;
    if (!child) return;
    child.kill('SIGTERM');
    await once(child, 'close');
  }

  async #cwd(): Promise<string> {
    return (await this.#run('pwd')).trim();
  }

  async #write(path: string, text: string): Promise<void> {
    const target = join(await this.#cwd(), path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text);
  }

  /** In a shell that knows the folder and the variables of the block before. */
  async #run(block: string): Promise<string> {
    const state = join(this.dir, '.state');
    const script = `
      waymark() { ${process.execPath} '${launcher}' "$@"; }
      npm() { ln -s '${root}/node_modules/zod' node_modules/zod; }
      . '${state}'
      ${block}
      { echo "cd '$PWD'"; export -p | grep WAYMARK_PLUGIN || true; } > '${state}'`;
    const ran = promisify(execFile)('/bin/sh', ['-euc', script], {
      env: this.#env,
      maxBuffer: 1 << 22,
    });
    const { stdout } = await ran.catch((error: Error & { stdout: string; stderr: string }) => {
      throw new Error(`${block}\n${error.stdout}${error.stderr}`, { cause: error });
    });
    return stdout;
  }

  /** Its last line goes on until it is stopped. */
  async #start(block: string): Promise<void> {
    const lines = block.trim().split('\n');
    const command = lines.pop()!.replace(/^waymark /, '');
    const state = await this.#run(`${lines.join('\n')}\nexport -p | grep WAYMARK_PLUGIN || true`);
    const exported = [...state.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [
      name,
      value,
    ]);
    const child = spawn(process.execPath, [launcher, ...command.split(' ')], {
      cwd: await this.#cwd(),
      env: { ...this.#env, ...Object.fromEntries(exported) },
    });
    this.#running = child;
    this.#said = '';
    const hear = (chunk: Buffer) => {
      this.#said += chunk.toString();
      child.emit('said');
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    const isServer = command === 'serve';
    const [, url = '', token = ''] = await this.says(
      isServer ? /listening on (\S+)\n/ : /runs on (\S+)\n.*Bearer (\S+)\n[\s\S]*Ctrl-C stops/,
    );
    if (isServer) this.#instead.set('127.0.0.1:7420', new URL(url).host);
    else Object.assign(this.#env, { URL: url, TOKEN: token });
  }

  /** Waits until what runs has said so. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#said);
      if (found) return found;
      const child = this.#running!;
      if (child.exitCode !== null) throw new Error(`it ended without ${pattern}:\n${this.#said}`);
      await Promise.race([once(child, 'said'), once(child, 'close')]);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
