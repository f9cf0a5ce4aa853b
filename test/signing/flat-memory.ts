// Started by open.test.ts as a process of its own, so that nothing else counts.
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { openSealed } from '../../src/signing/open.ts';
import { generateClientKey, sessionKeyPacket } from '../../src/signing/recipient.ts';
import { sealBody } from '../../src/signing/seal.ts';
import { makeOrgKeys } from '../support/org-keys.ts';

const MiB = 1024 * 1024;
const chunk = Buffer.alloc(65_536, 'waymark');
const folder = await mkdtemp(path.join(os.tmpdir(), 'flat-'));
const org = await makeOrgKeys();
const client = await generateClientKey('reader');

async function* plainOf(bytes: number) {
  for (let sent = 0; sent < bytes; sent += chunk.length) yield chunk;
}

async function sealTo(body: string, bytes: number): Promise<Uint8Array> {
  const file = createWriteStream(body);
  const { sessionKey } = await sealBody({
    plain: plainOf(bytes),
    keyring: org.keyring,
    async write(part) {
      if (!file.write(part)) await once(file, 'drain');
    },
  });
  file.end();
  await once(file, 'close');
  return sessionKeyPacket(client.publicArmored, sessionKey);
}

async function* bundleOf(packet: Uint8Array, body: string) {
  yield packet;
  yield* createReadStream(body);
}

/** What `work` answers, and the most memory held at any time while it ran, in MiB. */
async function withPeak<T>(work: () => Promise<T>): Promise<{ value: T; peak: number }> {
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 5);
  const value = await work();
  clearInterval(timer);
  return { value, peak: Math.round(peak / MiB) };
}

async function measure(bytes: number) {
  const body = path.join(folder, String(bytes));
  const sealed = await withPeak(() => sealTo(body, bytes));
  const opened = await withPeak(() =>
    openSealed({
      source: Readable.from(bundleOf(sealed.value, body)),
      privateKeyArmored: client.privateArmored,
      pinnedKeys: [org.releaseKey],
      destination: `${body}.plain`,
      limitBytes: bytes,
    }),
  );
  return { seal: sealed.peak, open: opened.peak, size: opened.value.size };
}

try {
  const small = await measure(16 * MiB);
  const large = await measure(64 * MiB);
  console.log(JSON.stringify({ small, large }));
} finally {
  await rm(folder, { recursive: true });
}
