import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { request as ask } from 'node:http';
import { join } from 'node:path';
import { generateClientKey } from '../src/signing/recipient.ts';
import { openGpg } from '../test/support/gpg.ts';
import type { RunningServer } from '../test/support/server.ts';
import { type Figure, figure } from './figure.ts';
import { bytesPerSec, startLoadGenerator } from './load.ts';
import { startNginx } from './nginx.ts';
import { heavyRegistry, pluginId } from './registry.ts';
import { alternate, median, quantile, timed } from './sample.ts';
import { deliveryUrl, enrol, openSite, removeSite, type Site, serveSite } from './site.ts';

const MEGABYTES = 5;
const RECIPIENTS = 30;
const WARM_UP = 5;
const GPG_RUNS = 7;
const ROUNDS = 7;

/** What one more recipient of a sealed bundle costs, against encrypting it anew. */
export async function benchBundle(): Promise<Figure[]> {
  const site = await openSite(heavyRegistry(MEGABYTES, randomBytes));
  await site.close();
  const server = await serveSite(site);
  try {
    const first = await newRecipient(site, server, 'first');
    const sealed = await first.download();
    const plain = await first.download('&encryption=none');
    const delays: number[] = [];
    const wholes: number[] = [];
    for (let i = 0; i < RECIPIENTS; i++) {
      const recipient = await newRecipient(site, server, `client-${i}`);
      const { firstByteMs, wholeMs } = await recipient.download();
      if (i < WARM_UP) continue;
      delays.push(firstByteMs);
      wholes.push(wholeMs);
    }
    const gpgMs = await gpgTime(plain.body);
    return [...recipientFigures(delays, wholes, gpgMs), ...(await throughput(first, sealed.body))];
  } finally {
    await server.stop();
    await removeSite(site);
  }
}

function recipientFigures(delays: number[], wholes: number[], gpgMs: number): Figure[] {
  const yardstick = { name: 'gpg --encrypt --sign', value: gpgMs, unit: 'ms' };
  const bench = 'bundle';
  const size = `${MEGABYTES} MB`;
  return [
    figure({
      bench,
      metric: `${size}, first byte to a new recipient, median`,
      value: median(delays),
      unit: 'ms',
      atMost: 10,
    }),
    figure({
      bench,
      metric: `${size}, first byte to a new recipient, p95`,
      value: quantile(delays, 0.95),
      unit: 'ms',
    }),
    figure({
      bench,
      metric: `${size}, encrypted for a new recipient, median`,
      value: median(delays),
      unit: 'ms',
      yardstick,
      ratio: gpgMs / median(delays),
      atLeast: 50,
    }),
    figure({
      bench,
      metric: `${size}, whole to a new recipient, median`,
      value: median(wholes),
      unit: 'ms',
      yardstick,
      ratio: gpgMs / median(wholes),
    }),
  ];
}

interface Downloaded {
  body: Buffer;
  firstByteMs: number;
  wholeMs: number;
}

interface Recipient {
  url: string;
  authorization: string;
  download(query?: string): Promise<Downloaded>;
}

async function newRecipient(site: Site, server: RunningServer, name: string): Promise<Recipient> {
  const { publicArmored } = await generateClientKey(name);
  const { token } = await enrol(server, site.token, { name, publicKey: publicArmored });
  const url = `${deliveryUrl(server)}/plugins/${pluginId(0)}/download?format=tar.gz`;
  const authorization = `Bearer ${token}`;
  return { url, authorization, download: (query = '') => download(url + query, authorization) };
}

function download(url: string, authorization: string): Promise<Downloaded> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    const request = ask(url, { headers: { authorization } }, (response) => {
      const chunks: Buffer[] = [];
      let firstByteMs = 0;
      response.on('data', (chunk: Buffer) => {
        if (chunks.length === 0) firstByteMs = performance.now() - startMs;
        chunks.push(chunk);
      });
      response.on('end', () => {
        const body = Buffer.concat(chunks);
        if (response.statusCode !== 200) return reject(new Error(body.toString()));
        resolve({ body, firstByteMs, wholeMs: performance.now() - startMs });
      });
    });
    request.on('error', reject).end();
  });
}

async function gpgTime(tar: Buffer): Promise<number> {
  const gpg = await openGpg();
  try {
    await gpg.makeKey('recipient', 'cv25519');
    const times: number[] = [];
    for (let i = 0; i < GPG_RUNS; i++) {
      times.push(
        await timed(async () => {
          const { code, stderr } = await gpg.run(['--encrypt', '--sign', '-r', 'recipient'], tar);
          if (code !== 0) throw new Error(stderr);
        }),
      );
    }
    return median(times);
  } finally {
    await gpg.close();
  }
}

/** A sealed bundle's bytes/s, against nginx with the same bytes in a file. */
async function throughput({ url, authorization }: Recipient, sealed: Buffer): Promise<Figure[]> {
  const nginx = await startNginx();
  if (!nginx) {
    console.error('bundle: bytes/s is not measured: install nginx (Debian: nginx-light)');
    return [];
  }
  const load = startLoadGenerator();
  try {
    await writeFile(join(nginx.dir, 'bundle'), sealed);
    const order = { connections: 8, status: 200, durationMs: 1500 };
    const product = async () =>
      bytesPerSec(await load.run({ ...order, url, headers: { authorization } })) / 1e6;
    const yardstick = async () =>
      bytesPerSec(await load.run({ ...order, url: `${nginx.url}/bundle` })) / 1e6;
    await alternate(1, product, yardstick);
    const pair = await alternate(ROUNDS, product, yardstick);
    return [
      figure({
        bench: 'bundle',
        metric: `${MEGABYTES} MB sealed, 8 connections`,
        value: pair.product,
        unit: 'MB/s',
        yardstick: { name: 'nginx, the cached file', value: pair.yardstick, unit: 'MB/s' },
        ratio: pair.ratio,
        atLeast: 0.5,
      }),
    ];
  } finally {
    load.close();
    await nginx.close();
  }
}
