import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createArtifactStore } from '../../src/database/artifact-store.ts';

const script = join(import.meta.dirname, 'write-until-refused.ts');

interface Report {
  acknowledged: number;
  code: string;
  canRead: boolean;
}

let dir: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waymark-faults-'));
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await rm(dir, { recursive: true });
});

function start(command: string[]): AsyncIterator<string> {
  child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  return createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
}

async function nextReport<T>(lines: AsyncIterator<string>): Promise<T> {
  return JSON.parse((await lines.next()).value as string) as T;
}

function integrityOf(file: string): { verdict: unknown; keys: unknown; entries: unknown } {
  const database = new DatabaseSync(file);
  const only = (query: string) => Object.values(database.prepare(query).get()!)[0];
  const verdict = only('pragma integrity_check');
  const keys = only('select count(*) from api_key');
  const entries = only('select count(*) from audit');
  database.close();
  return { verdict, keys, entries };
}

describe('a file size limit', () => {
  const limited = ['prlimit', '--fsize=2000000', process.execPath, script];

  it('rolls the database back, leaves it whole, and keeps all that was acknowledged', async () => {
    const report = await nextReport<Report>(start([...limited, 'database', dir]));
    child!.kill('SIGKILL');
    await once(child!, 'close');

    expect(report).toMatchObject({ code: 'RES_STORAGE_FULL', canRead: true });
    expect(report.acknowledged).toBeGreaterThan(10);
    const { acknowledged } = report;
    expect(integrityOf(join(dir, 'waymark.db'))).toEqual({
      verdict: 'ok',
      keys: acknowledged,
      entries: acknowledged,
    });
  });

  it('refuses an artifact that is larger, and leaves nothing of it', async () => {
    const small = ['prlimit', '--fsize=50000', process.execPath, script, 'artifacts', dir];

    const { code, acknowledged } = await nextReport<Report>(start(small));

    expect({ code, acknowledged }).toEqual({ code: 'RES_STORAGE_FULL', acknowledged: 0 });
    expect(await readdir(join(dir, 'segments'))).toEqual([]);
  });
});

describe.skipIf(!canMount())('a full disk (needs a mount namespace: unshare -rm)', () => {
  // The shell frees the disk when told, and passes the word on.
  const whenFreed = `
    mount -t tmpfs -o size=4m none "$2" && head -c 1000000 /dev/zero > "$2/filler" &&
    { read -r line; rm "$2/filler"; echo "$line"; } | "$0" "$1" "$3" "$2"`;
  const onSmallDisk = (what: string) =>
    ['unshare', '-rm', 'sh', '-c', whenFreed].concat(process.execPath, script, dir, what);

  for (const what of ['database', 'artifacts']) {
    it(`is answered RES_STORAGE_FULL by the ${what}; reads go on; it recovers`, async () => {
      const lines = start(onSmallDisk(what));

      const report = await nextReport<Report>(lines);
      expect(report).toMatchObject({ code: 'RES_STORAGE_FULL', canRead: true });

      child!.stdin!.write('freed\n');
      expect(await nextReport(lines)).toEqual({ recovered: true });
    });
  }
});

describe('kill -9', () => {
  it('loses nothing that the artifact store has acknowledged', async () => {
    const lines = start([process.execPath, '-e', writer(dir)]);
    const names: string[] = [];
    for (let i = 0; i < 20; i++) names.push((await lines.next()).value as string);
    child!.kill('SIGKILL');
    await once(child!, 'close');

    const store = await createArtifactStore(dir);

    for (const name of names) expect(await store.read(name)).toBeDefined();
    expect((await readdir(join(dir, 'segments'))).filter((n) => n.endsWith('.tmp'))).toEqual([]);
    await store.close();
  });
});

/** Writes artifacts for ever, naming each once it is acknowledged. */
const writer = (target: string): string => `
  const { createArtifactStore } = await import(${JSON.stringify(import.meta.resolve('../../src/database/artifact-store.ts'))});
  const store = await createArtifactStore(${JSON.stringify(target)});
  for (let i = 0; ; i++) console.log((await store.write([Buffer.alloc(30_000, String(i))]))[0]);`;

function canMount(): boolean {
  try {
    execFileSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', tmpdir()], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
