import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const script = join(import.meta.dirname, '../../.ci/summarise.mjs');

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waymark-ci-'));
});

afterAll(() => rm(folder, { recursive: true }));

const report = {
  success: true,
  numPassedTests: 12,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  numFailedTestSuites: 0,
};

async function summarise(text: string): Promise<{ said: string; exitCode: number }> {
  const file = join(folder, 'report.json');
  await writeFile(file, text);
  return new Promise((resolve) => {
    execFile(process.execPath, [script, file], (error, stdout) => {
      resolve({ said: stdout, exitCode: error ? Number(error.code) : 0 });
    });
  });
}

describe('.ci/summarise.mjs', () => {
  it.each([
    [{}, '12 passed, 0 failed\n', 0],
    [{ numPendingTests: 2, numTodoTests: 1 }, '12 passed, 0 failed, 3 skipped\n', 0],
    [{ numFailedTests: 2, success: false }, '12 passed, 2 failed\n', 1],
    [{ numFailedTestSuites: 1, success: false }, '12 passed, 1 failed\n', 1],
    [{ numPassedTests: 0 }, '0 passed, 0 failed\n', 1],
  ])('counts %j', async (part, said, exitCode) => {
    expect(await summarise(JSON.stringify({ ...report, ...part }))).toEqual({ said, exitCode });
  });

  it('counts a run that never came to the tests as failed', async () => {
    expect(await summarise('')).toEqual({ said: '0 passed, 1 failed\n', exitCode: 1 });
  });
});
