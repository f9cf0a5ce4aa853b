import { rm } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../src/model/digest.ts';
import type { Refused } from '../support/app.ts';
import { temporaryFolder } from '../support/git.ts';
import { type Gpg, openGpg } from '../support/gpg.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';
import { command, smallRegistry } from '../support/small-registry.ts';

const QUOTE = 'plugins/sales/commands/quote.yaml';
const TERMS = 'plugins/sales/skills/brief/terms.txt';
const SALES = '/plugins/sales/download';

interface Downloaded {
  status: number;
  headers: Headers;
  bytes: Buffer;
}

let dataDir: string;
let service: TestService;
let org: OrgApi;
let gpg: Gpg;
/** A client with a key, and one without. */
let keyed: string;
let keyless: string;
let first: { commit: string; contentDigest: string };

beforeAll(async () => {
  dataDir = await temporaryFolder('waymark-downloads-');
  service = await openService(dataDir);
  org = await openOrg(service);
  gpg = await openGpg();
  await org.publish('sales@1.0.0');
  const enroller = await org.keyOf({ role: 'editor' });
  keyed = (await org.enrol(enroller, { publicKey: await gpg.makeKey('one', 'cv25519') })).token;
  keyless = (await org.enrol(enroller)).token;
  const releases = await org.get<{ items: (typeof first)[] }>('/plugins/sales/releases');
  first = releases.body.items[0]!;
}, 60_000);

afterAll(async () => {
  expect(service.logged).toEqual([]);
  await gpg.close();
  await org.close();
  await service.close();
  await rm(dataDir, { recursive: true });
});

async function download(
  path: string,
  token = keyless,
  headers: Record<string, string> = {},
): Promise<Downloaded> {
  const answer = await fetch(`${service.url}/v1/orgs/tools/delivery${path}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, headers: answer.headers, bytes };
}

const codeOf = ({ bytes }: Downloaded): string =>
  (JSON.parse(bytes.toString()) as Refused).error.code;

interface Entry {
  name: string;
  mode: number;
  facts: unknown[];
  text: string;
}

async function entriesOf(tarGz: Buffer): Promise<Entry[]> {
  const reader = extract();
  reader.end(gunzipSync(tarGz));
  const entries: Entry[] = [];
  for await (const entry of reader) {
    const { name, mode, uid, gid, mtime, type } = entry.header;
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    const facts = [type, uid, gid, mtime?.getTime()];
    entries.push({ name, mode: mode ?? 0, facts, text: Buffer.concat(chunks).toString() });
  }
  return entries;
}

/** As the central directory at the end of a zip has them. */
function zipNames(zip: Buffer): string[] {
  const names: string[] = [];
  for (let at = zip.indexOf('PK\x01\x02'); at >= 0; at = zip.indexOf('PK\x01\x02', at + 46)) {
    names.push(zip.toString('utf8', at + 46, at + 46 + zip.readUInt16LE(at + 28)));
  }
  return names;
}

async function decrypt(sealed: Buffer): Promise<Buffer> {
  const { code, stdout, stderr } = await gpg.run(['--decrypt', '--skip-verify'], sealed);
  expect(code, stderr).toBe(0);
  return stdout;
}

const NAMES = [
  '.waymark/manifest.json',
  '.waymark/manifest.json.asc',
  'README.md',
  'commands/quote.yaml',
  'plugin.yaml',
  'skills/brief/SKILL.md',
  'skills/brief/skill.yaml',
  'skills/brief/terms.txt',
];

describe('GET /plugins/:plugin/download', () => {
  it('is a tar of the manifest, its signature, and the files by path', async () => {
    const { headers, bytes } = await download(SALES);

    const entries = await entriesOf(bytes);
    expect(headers.get('content-type')).toBe('application/gzip');
    expect(headers.get('content-disposition')).toBe(
      'attachment; filename="sales-0.0.0-dev.1.tar.gz"',
    );
    expect(entries.map(({ name }) => name)).toEqual(NAMES);
    expect(entries.find(({ name }) => name === 'skills/brief/terms.txt')!.text).toBe(
      smallRegistry[TERMS],
    );
    const manifest = await org.get('/plugins/sales/manifest');
    expect(entries[0]!.text).toBe(manifest.text);
  });

  it('has nothing in it of a time, a user or a machine', async () => {
    const entries = await entriesOf((await download(SALES)).bytes);

    for (const { facts, mode } of entries) {
      expect(facts).toEqual(['file', 0, 0, 0]);
      expect(mode).toBe(0o644);
    }
  });

  it('is the same bytes each time', async () => {
    for (const query of ['', '?format=zip', '?layout=claude', '?release=1.0.0']) {
      const [one, other] = [await download(SALES + query), await download(SALES + query)];

      expect(one.bytes.equals(other.bytes), query).toBe(true);
      expect(one.headers.get('etag')).toBe(other.headers.get('etag'));
    }
  });

  it('is a zip where that is asked for', async () => {
    const { headers, bytes } = await download(`${SALES}?format=zip`);

    expect(headers.get('content-type')).toBe('application/zip');
    expect(zipNames(bytes)).toEqual(NAMES);
  });

  it('is in the layout asked for', async () => {
    const { bytes } = await download(`${SALES}?layout=claude`);

    const names = (await entriesOf(bytes)).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['.claude-plugin/plugin.json', 'README.md']));
    expect(names).not.toContain('plugin.yaml');
  });

  it.each([
    ['format', 'rar'],
    ['layout', 'word'],
    ['encryption', 'rot13'],
    ['contentDigest', 'md5:0'],
  ])('refuses %s=%s with the field', async (field, value) => {
    const { status, body } = await org.get<Refused>(`${SALES}?${field}=${value}`);

    expect(status).toBe(400);
    expect(body.error.validationErrors).toMatchObject([{ field }]);
  });

  it('of a release may be kept for good, and warns once it is yanked', async () => {
    await org.publish('sales@0.9.0');
    await org.post('/components/sales/versions/0.9.0/yank', { reason: 'old' });

    const { headers } = await download('/plugins/sales/releases/0.9.0/download');

    expect(headers.get('cache-control')).toContain('immutable');
    expect(headers.get('warning')).toBe('299 - "sales--v0.9.0 was yanked"');
  });

  it('answers 304 to who has it', async () => {
    const { headers } = await download(SALES);

    const again = await download(SALES, keyless, { 'if-none-match': headers.get('etag')! });

    expect(again.status).toBe(304);
    expect(again.bytes).toHaveLength(0);
  });
});

describe('since=', () => {
  beforeAll(async () => {
    await org.push({ [QUOTE]: command('A second quote.'), [TERMS]: null });
  });

  it.each(['commit', 'contentDigest'] as const)(
    'a %s gives what changed, and names what is gone',
    async (by) => {
      const { headers, bytes } = await download(`${SALES}?since=${first[by]}`);

      const entries = await entriesOf(bytes);
      expect(headers.get('x-waymark-delta-base')).toBe(first.contentDigest);
      expect(entries.map(({ name }) => name)).toEqual([
        '.waymark/manifest.json',
        '.waymark/manifest.json.asc',
        '.waymark/removed.json',
        'commands/quote.yaml',
      ]);
      expect(JSON.parse(entries[2]!.text)).toEqual(['skills/brief/terms.txt']);
    },
  );

  it.each(['0'.repeat(40), `sha256:${'0'.repeat(64)}`, 'nonsense'])(
    '%s, which nobody knows, gives the whole bundle and no error',
    async (since) => {
      const { status, headers, bytes } = await download(`${SALES}?since=${since}`);

      expect(status).toBe(200);
      expect(headers.get('x-waymark-delta-base')).toBeNull();
      expect((await entriesOf(bytes)).map(({ name }) => name)).toContain('README.md');
    },
  );

  it('what an index pinned stays there for a day, though a push replaced it', async () => {
    const { bytes } = await download(`${SALES}?contentDigest=${first.contentDigest}`);

    const terms = (await entriesOf(bytes)).find(({ name }) => name === 'skills/brief/terms.txt');
    expect(terms?.text).toBe(smallRegistry[TERMS]);
  });
});

describe('encryption', () => {
  it('is for whoever enrolled with a key, unless they ask for none', async () => {
    const sealed = await download(SALES, keyed);
    const plain = await download(`${SALES}?encryption=none`, keyed);

    expect(sealed.headers.get('content-type')).toBe('application/octet-stream');
    expect(sealed.headers.get('content-disposition')).toContain('.tar.gz.gpg"');
    expect((await decrypt(sealed.bytes)).equals(plain.bytes)).toBe(true);
  });

  it('holds for a zip and for a delta', async () => {
    for (const query of ['?format=zip', `?since=${first.commit}`, '?layout=claude']) {
      const sealed = await download(SALES + query, keyed);
      const plain = await download(`${SALES + query}&encryption=none`, keyed);

      expect((await decrypt(sealed.bytes)).equals(plain.bytes), query).toBe(true);
    }
  });

  it('shares one body among recipients: only the packet in front differs', async () => {
    const enroller = await org.keyOf({ role: 'editor' });
    const publicKey = await gpg.makeKey('two', 'cv25519');
    const { token } = await org.enrol(enroller, { publicKey });

    const [one, other] = [await download(SALES, keyed), await download(SALES, token)];

    expect(one.headers.get('etag')).not.toBe(other.headers.get('etag'));
    expect(one.bytes.equals(other.bytes)).toBe(false);
    expect(one.bytes.subarray(-512).equals(other.bytes.subarray(-512))).toBe(true);
    expect((await decrypt(other.bytes)).equals(await decrypt(one.bytes))).toBe(true);
  });

  it('that is asked for without a key is refused', async () => {
    const answer = await download(`${SALES}?encryption=openpgp`);

    expect(answer.status).toBe(403);
    expect(codeOf(answer)).toBe('DELIVERY_KEY_REQUIRED');
  });
});

describe('Range', () => {
  const ranges = [
    ['bytes=0-9', 0, 10],
    ['bytes=100-', 100, undefined],
    ['bytes=-50', -50, undefined],
    ['bytes=5-999999999', 5, undefined],
  ] as const;

  it.each(ranges)(
    '%s gives that part of a bundle, plain and encrypted',
    async (range, from, to) => {
      for (const token of [keyless, keyed]) {
        const { bytes: whole, headers: of } = await download(SALES, token);

        const { status, headers, bytes } = await download(SALES, token, {
          range,
          'if-range': of.get('etag')!,
        });

        expect(status).toBe(206);
        expect(bytes.equals(whole.subarray(from, to))).toBe(true);
        expect(headers.get('content-range')).toMatch(
          new RegExp(`^bytes \\d+-\\d+/${whole.length}$`),
        );
        expect(headers.get('accept-ranges')).toBe('bytes');
      }
    },
  );

  it('of something else than before is answered whole', async () => {
    for (const ifRange of ['"other"', 'W/"other"', 'Sat, 29 Oct 1994 19:43:31 GMT']) {
      const headers = { range: 'bytes=0-9', 'if-range': ifRange };

      expect((await download(SALES, keyless, headers)).status).toBe(200);
    }
  });

  it.each(['bytes=0-1,5-9', 'lines=1-2', 'bytes=x-'])('%s is answered whole', async (range) => {
    expect((await download(SALES, keyless, { range })).status).toBe(200);
  });

  it('behind the end is 416', async () => {
    const answer = await download(SALES, keyless, { range: 'bytes=999999999-' });

    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toMatch(/^bytes \*\/\d+$/);
    expect(codeOf(answer)).toBe('VAL_RANGE');
  });

  it('continues an encrypted bundle over a restart of the server', async () => {
    const half = await download(SALES, keyed, { range: 'bytes=0-499' });
    const whole = await download(SALES, keyed);
    await service.close();
    service = await openService(dataDir);
    await org.follow(service);

    const rest = await download(SALES, keyed, {
      range: 'bytes=500-',
      'if-range': half.headers.get('etag')!,
    });

    expect(rest.status).toBe(206);
    const joined = Buffer.concat([half.bytes, rest.bytes]);
    expect(joined.equals(whole.bytes)).toBe(true);
    await decrypt(joined);
  });
});

describe('GET /blobs/sha256/:digest', () => {
  const path = `/blobs/sha256/${sha256Hex(smallRegistry['plugins/sales/README.md'])}`;

  it('gives one file, which may be kept for good', async () => {
    const { bytes, headers } = await download(path);

    expect(bytes.toString()).toBe(smallRegistry['plugins/sales/README.md']);
    expect(headers.get('cache-control')).toContain('immutable');
  });

  it('gives part of it', async () => {
    const { status, bytes } = await download(path, keyless, { range: 'bytes=4-6' });

    expect([status, bytes.toString()]).toEqual([206, 'the']);
  });

  it.each([
    ['0'.repeat(64), 404],
    ['abc', 400],
    ['..%2f..%2fmaster-key', 400],
  ])('has no %s', async (digest, status) => {
    expect((await download(`/blobs/sha256/${digest}`)).status).toBe(status);
  });
});

describe('GET /config-objects/:id/download', () => {
  it('is a bundle of one object', async () => {
    const { bytes } = await download('/config-objects/sales.skill.brief/download');

    expect((await entriesOf(bytes)).map(({ name }) => name)).toEqual([
      '.waymark/manifest.json',
      '.waymark/manifest.json.asc',
      'skills/brief/SKILL.md',
      'skills/brief/skill.yaml',
    ]);
  });

  it('is encrypted like any bundle', async () => {
    const path = '/config-objects/sales.command.quote/download';
    const sealed = await download(path, keyed);
    const plain = await download(path);

    expect((await decrypt(sealed.bytes)).equals(plain.bytes)).toBe(true);
  });

  it('as format=raw is the file’s own bytes, at any selector', async () => {
    const path = '/config-objects/sales.command.quote/download?format=raw';

    const rolling = await download(path);
    const released = await download(`${path}&release=1.0.0`);

    expect(rolling.bytes.toString()).toBe(command('A second quote.'));
    expect(released.bytes.toString()).toBe(smallRegistry[QUOTE]);
  });

  it('as format=raw is refused for more than one file', async () => {
    const answer = await download('/config-objects/sales.skill.brief/download?format=raw');

    expect(answer.status).toBe(400);
  });

  it('is 404 for an object that is not there', async () => {
    expect((await download('/config-objects/sales.skill.none/download')).status).toBe(404);
  });
});

describe('delivery.encryption', () => {
  const set = (encryption: string) =>
    org.push({
      'registry.yaml': `apiVersion: waymark/v1\nkind: Registry\nspec:\n  title: Tools\n  delivery: {defaultAccess: orgWide, encryption: ${encryption}}\n`,
    });

  it('required refuses everything plain', async () => {
    await set('required');

    for (const [path, token] of [
      [SALES, keyless],
      [`${SALES}?encryption=none`, keyed],
      [`/blobs/sha256/${sha256Hex('Ask the deal desk.\n')}`, keyed],
      ['/config-objects/sales.command.quote/download?format=raw', keyed],
      ['/config-objects/sales.command.quote/download', keyless],
    ] as const) {
      const answer = await download(path, token);

      expect(answer.status, path).toBe(403);
      expect(codeOf(answer)).toBe('DELIVERY_KEY_REQUIRED');
    }
    expect((await download(SALES, keyed)).status).toBe(200);
  });

  it('off encrypts only where it is asked for', async () => {
    await set('off');

    const plain = await download(SALES, keyed);
    const sealed = await download(`${SALES}?encryption=openpgp`, keyed);

    expect((await entriesOf(plain.bytes))[0]!.name).toBe('.waymark/manifest.json');
    expect((await decrypt(sealed.bytes)).equals(plain.bytes)).toBe(true);
  });
});
