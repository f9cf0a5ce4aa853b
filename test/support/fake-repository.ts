import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { blobOid, treeOid } from '../../cli/trust/git-tree.ts';
import {
  contentDigest,
  type FileEntry,
  type FileMode,
  sha256,
  sha256Hex,
} from '../../src/model/digest.ts';
import { versionTag } from '../../src/model/names.ts';
import type { KeyRole } from '../../src/signing/keys.ts';
import { sessionKeyPacket } from '../../src/signing/recipient.ts';
import { createRoot, type RootTerms } from '../../src/signing/root.ts';
import { composeTagMessage, composeTagPayload } from '../../src/signing/tag.ts';
import { MADE_AT, makeOrgKeys, seal, type TestOrg } from './org-keys.ts';

/** What the repository's documents say the time is. */
export const NOW_MS = Date.parse(MADE_AT) + 60 * 60_000;
export const HOUR_MS = 60 * 60_000;

/** Text, or text with the exec bit. */
export type FakeFiles = Record<string, string | { content: string; mode: FileMode }>;

export interface Signed {
  body: Buffer;
  signature: Buffer;
}

/** One version of one plugin, as a channel or a tag names it. */
export interface FakeVersion {
  plugin: string;
  version: string;
  seq: number;
  release?: string;
  files: FakeFiles;
  commit: string;
}

export interface IndexJson {
  [name: string]: unknown;
  sequence: number;
  plugins: Record<string, Record<string, unknown>>;
}

/**
 * An org in memory that signs what a server would: enough for a client, and for
 * every attack on one, since each step can be had apart.
 */
export interface FakeRepository {
  org: TestOrg;
  rootTerms: RootTerms;
  /** Index 0 is version 1. */
  roots: Signed[];
  channel: string;
  sequence: number;
  current: Map<string, FakeVersion>;
  releases: Map<string, FakeVersion>;
  /** A rolling version, or with `release` a tagged one, which the channel then names. */
  publish: (plugin: string, files: FakeFiles, release?: string) => FakeVersion;
  withdraw: (plugin: string) => void;
  index: (change?: (index: IndexJson) => unknown) => Promise<Signed>;
  manifest: (
    version: FakeVersion,
    layout: string,
    change?: (manifest: ManifestJson) => unknown,
  ) => Promise<Signed>;
  tag: (
    version: FakeVersion,
    change?: (block: TagJson) => unknown,
    name?: string,
  ) => Promise<Buffer>;
  sign: (role: KeyRole, value: unknown) => Promise<Signed>;
  /** The same statement that allows a step back. */
  downgrade(
    version: FakeVersion,
    fromSeq: number,
  ): Promise<{ statement: string; signature: string }>;
}

export interface ManifestJson {
  plugin: Record<string, unknown>;
  resolved: Record<string, unknown>;
  items: Record<string, unknown>[];
  files: Record<string, unknown>[];
  bundle: Record<string, unknown>;
  layout: string;
}

export type TagJson = Parameters<typeof composeTagMessage>[1];

export const ORG_UID = '018f-org';
export const REPO_UID = '018f-repo';

export async function makeFakeRepository(): Promise<FakeRepository> {
  const org = await makeOrgKeys();
  const rootTerms: RootTerms = {
    org: 'acme',
    orgUid: ORG_UID,
    custody: 'server',
    issuedAt: MADE_AT,
    expiresAt: new Date(NOW_MS + 1e3 * HOUR_MS).toISOString(),
  };
  const { body, signature } = await createRoot(rootTerms, org.keys, org.keyring);
  const seqs = new Map<string, number>();

  const repository: FakeRepository = {
    org,
    rootTerms,
    channel: 'rolling',
    sequence: 100,
    roots: [
      {
        body: Buffer.from(body),
        signature: Buffer.from(signature, 'base64'),
      },
    ],
    current: new Map(),
    releases: new Map(),
    publish(plugin, files, release) {
      const seq = (seqs.get(plugin) ?? 0) + 1;
      seqs.set(plugin, seq);
      repository.sequence++;
      const version: FakeVersion = {
        plugin,
        seq,
        files,
        version: release ?? `0.0.0-dev.${seq}`,
        commit: sha256Hex(`${plugin} ${seq}`).slice(0, 40),
        ...(release && { release: versionTag(plugin, release) }),
      };
      repository.current.set(plugin, version);
      if (version.release) repository.releases.set(version.release, version);
      return version;
    },
    withdraw(plugin) {
      repository.sequence++;
      repository.current.delete(plugin);
    },
    async sign(role, value) {
      const bytes = Buffer.from(JSON.stringify(value));
      return {
        body: bytes,
        signature: Buffer.from(await repository.org.keyring.sign(role, bytes)),
      };
    },
    async index(change = () => {}) {
      const index = composeIndex(repository);
      change(index);
      return repository.sign('index', index);
    },
    async manifest(version, layout, change = () => {}) {
      const manifest = composeManifest(version, layout, repository.channel);
      change(manifest);
      return repository.sign('release', manifest);
    },
    async tag(version, change = () => {}, name = version.release ?? '') {
      const block = composeBlock(version);
      change(block);
      const payload = composeTagPayload({
        name,
        object: version.commit,
        message: composeTagMessage('Notes.', block),
        tagger: {
          name: 'Waymark',
          email: 'waymark@example.com',
          at: MADE_AT,
        },
      });
      return Buffer.from(payload + (await repository.org.keyring.signTagPayload(payload)));
    },
    async downgrade({ plugin, seq, files }, fromSeq) {
      const { body: statement, signature: signed } = await repository.sign('release', {
        _type: 'downgrade',
        orgUid: ORG_UID,
        channel: repository.channel,
        pluginId: plugin,
        fromSeq,
        toSeq: seq,
        contentDigest: contentDigest(entriesOf(files)),
        cause: {
          kind: 'yank',
          id: 'x',
        },
        issuedAt: MADE_AT,
      });
      return {
        statement: statement.toString(),
        signature: signed.toString('base64'),
      };
    },
  };
  return repository;
}

function composeIndex({ channel, sequence, current, roots }: FakeRepository): IndexJson {
  const entries = [...current.values()].map(({ plugin, version, seq, files }) => {
    const digest = contentDigest(entriesOf(files));
    return [plugin, { version, seq, contentDigest: digest, size: 1 }];
  });
  return {
    _type: 'index',
    org: 'acme',
    orgUid: ORG_UID,
    channel,
    sequence,
    commit: 'c'.repeat(40),
    issuedAt: MADE_AT,
    expiresAt: new Date(NOW_MS + 24 * HOUR_MS).toISOString(),
    rootVersion: roots.length,
    plugins: Object.fromEntries(entries) as IndexJson['plugins'],
  };
}

/** `claude` drops plugin.yaml; nothing else is rendered here. */
export function filesIn(files: FakeFiles, layout: string): FakeFiles {
  const kept = Object.entries(files).filter(([path]) => layout === 'raw' || path !== 'plugin.yaml');
  return Object.fromEntries(kept);
}

export const entriesOf = (files: FakeFiles): FileEntry[] =>
  Object.entries(files).map(([path, file]) => {
    const bytes = bytesOf(file);
    return { path, mode: modeOf(file), digest: sha256(bytes), size: bytes.length };
  });

const bytesOf = (file: FakeFiles[string]): Buffer =>
  Buffer.from(typeof file === 'string' ? file : file.content);

const modeOf = (file: FakeFiles[string]): FileMode =>
  typeof file === 'string' ? '0644' : file.mode;

const treeOf = (files: FakeFiles): string =>
  treeOid(
    Object.entries(files).map(([path, file]) => ({
      path,
      mode: modeOf(file),
      oid: blobOid(bytesOf(file)),
    })),
  );

function composeManifest(version: FakeVersion, layout: string, channel: string): ManifestJson {
  const { plugin, seq, release, files, commit } = version;
  const entries = entriesOf(filesIn(files, layout));
  const skills = Object.groupBy(entries, ({ path }) => /^skills\/([^/]+)\//.exec(path)?.[1] ?? '');
  const items = Object.entries(skills).flatMap(([skill, own = []]) =>
    skill === '' ? [] : [composeItem(`${plugin}.skill.${skill}`, own, commit)],
  );
  const digest = contentDigest(entriesOf(files));
  return {
    plugin: {
      id: plugin,
      name: plugin,
      version: version.version,
      contentDigest: digest,
    },
    resolved: {
      org: 'acme',
      orgUid: ORG_UID,
      channel,
      seq,
      commit,
      tree: treeOf(files),
      ...(release && { release }),
    },
    layout,
    items,
    files: (skills[''] ?? []).map((entry) => ({ ...entry })),
    bundle: {
      url: `download?contentDigest=${digest}`,
      contentBytes: 1,
    },
  };
}

const composeItem = (id: string, files: FileEntry[], commit: string): Record<string, unknown> => ({
  configObjectId: id,
  type: 'skill',
  title: id,
  versionId: commit,
  digest: contentDigest(files),
  requires: [],
  inputs: [],
  files,
  keys: [],
  targets: { claude: 'native' },
});

const composeBlock = ({
  plugin,
  version,
  seq,
  release = '',
  files,
  commit,
}: FakeVersion): TagJson => ({
  apiVersion: 'waymark/v1',
  orgUid: ORG_UID,
  repoUid: REPO_UID,
  release,
  seq,
  plugins: [
    {
      id: plugin,
      version,
      commit,
      tree: treeOf(files),
      contentDigest: contentDigest(entriesOf(files)),
    },
  ],
});

export type TarEntry = Parameters<ReturnType<typeof pack>['entry']>[0] & { content?: string };

/** A bundle of exactly these entries, in this order. */
export async function packBundle(entries: readonly TarEntry[]): Promise<Buffer> {
  const tar = pack();
  for (const { content = '', ...header } of entries) tar.entry(header, content);
  tar.finalize();
  return buffer(Readable.from(tar).pipe(createGzip()));
}

export const tarEntriesOf = (files: FakeFiles): TarEntry[] => [
  { name: '.waymark/manifest.json', content: '{}' },
  ...Object.entries(files).map(([name, file]) => ({
    name,
    mode: Number.parseInt(modeOf(file), 8),
    content: bytesOf(file).toString(),
  })),
];

/** As it goes to one recipient. */
export async function sealFor(org: TestOrg, recipient: string, plain: Buffer): Promise<Buffer> {
  const { sessionKey, body } = await seal(org, plain);
  return Buffer.concat([await sessionKeyPacket(recipient, sessionKey), body]);
}
