#!/usr/bin/env node
// Plain JavaScript, for whatever Node the user has: Waymark itself needs 24, and
// brings one along as the npm package `node`.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const WANTED_MAJOR = 24;

if (Number(process.versions.node.split('.')[0]) >= WANTED_MAJOR) {
  // Node runs TypeScript from a checkout, but never from inside node_modules.
  const built = join(here, '../dist/cli/main.js');
  const isInstalled = here.includes('node_modules');
  await import(isInstalled && existsSync(built) ? '../dist/cli/main.js' : './main.ts');
} else {
  runWith(findNode());
}

function findNode() {
  const binary = process.platform === 'win32' ? 'node.exe' : 'node';
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json');
    const path = join(dirname(manifest), 'bin', binary);
    if (existsSync(path)) return path;
  } catch {
    // Not installed: the sentence below says what to do.
  }
  console.error(
    `waymark: needs Node ${WANTED_MAJOR}, this is ${process.version}. ` +
      'Run `npm install` where waymark is installed (with install scripts allowed), or use a newer Node.',
  );
  process.exit(1);
}

function runWith(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  // A terminal sends SIGINT to both; it is the child that decides what it means.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`waymark: ${node} did not start: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
