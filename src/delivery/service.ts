import { LRUCache } from 'lru-cache';
import type { Clock } from '../model/clock.ts';
import { type Digest, hexOf, isDigest, sha256Hex } from '../model/digest.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import { filesOf } from '../model/object.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import { renderLayout } from '../registry/layout/render.ts';
import { LAYOUTS, type Layout, type RenderedPlugin } from '../registry/layout/rendered.ts';
import { armorSignature, type Keyring } from '../signing/org-keys.ts';
import { archive, type BundleEntry, type BundleFormat } from './bundle.ts';
import type { BundleCache, BundleOrder } from './bundle-cache.ts';
import {
  composeIndex,
  INDEX_RENEWAL_MS,
  type IndexEntry,
  resolutionDigest,
} from './index-document.ts';
import { composeManifest, type Manifest } from './manifest.ts';
import type { PluginRecord } from './record.ts';
import {
  type Asker,
  type Choice,
  channelOf,
  isChoiceYanked,
  resolveChannelFor,
} from './resolve.ts';
import type { OrgRuntime } from './runtime.ts';
import type { Selector } from './selector.ts';
import { type SignedBody, signBody } from './signed.ts';
import { isUnreadable } from './unreadable.ts';
import type { View } from './view.ts';

export type LayoutName = 'raw' | Layout;

/** A manifest with all that a bundle of it needs. */
export interface ManifestAnswer extends SignedBody {
  manifest: Manifest;
  record: PluginRecord;
  rendered: RenderedPlugin | undefined;
}

export interface DeliveryDeps {
  artifacts: ArtifactStore;
  bundles: BundleCache;
  clock: Clock;
}

/**
 * What one org delivers: documents composed and signed once, then answered
 * from memory.
 */
export class OrgDelivery {
  readonly runtime: OrgRuntime;
  readonly #deps: DeliveryDeps;
  readonly #manifests = new LRUCache<string, Promise<ManifestAnswer>>({ max: 5000 });
  readonly #indexes = new LRUCache<
    string,
    { signed: Promise<SignedBody>; atMs: number; plugins: string[] }
  >({
    max: 1000,
  });

  constructor(runtime: OrgRuntime, deps: DeliveryDeps) {
    this.runtime = runtime;
    this.#deps = deps;
    runtime.onChange((view, before) => {
      if (view.rootVersion !== before?.rootVersion) this.#forgetKeys();
      this.#dropIndexes(view, before);
    });
  }

  /** After a rotation: everything is signed anew. */
  #forgetKeys(): void {
    this.#manifests.clear();
    this.#indexes.clear();
  }

  async recordOf(choice: Choice): Promise<PluginRecord> {
    return choice.record ?? (await this.runtime.recordOf(choice.release!));
  }

  async manifest(choice: Choice, selector: Selector, layout: LayoutName): Promise<ManifestAnswer> {
    const { by } = selector;
    const name = by === 'channel' ? selector.name : '';
    const what = choice.release?.tag ?? `${choice.commit} ${choice.seq}`;
    const key = [choice.plugin, choice.contentDigest, what, by, name, layout].join('\n');
    let answer = this.#manifests.get(key);
    if (!answer) {
      answer = this.#composeManifest(choice, selector, layout);
      this.#manifests.set(key, answer);
      // A failure is not an answer to keep.
      answer.catch(() => this.#manifests.delete(key));
    }
    return await answer;
  }

  async #composeManifest(choice: Choice, selector: Selector, layout: LayoutName) {
    const record = await this.recordOf(choice);
    const rendered =
      layout === 'raw'
        ? undefined
        : await renderLayout(layout, record.content, (digest) =>
            this.readContent(digest, record.commit),
          );
    const manifest = composeManifest(this.runtime.org, choice, record, selector, layout, rendered);
    const body = Buffer.from(JSON.stringify(manifest));
    return {
      ...(await signBody(this.runtime.keyring, 'release', body)),
      manifest,
      record,
      rendered,
    };
  }

  /**
   * A delivered file. One that is lost or damaged in the store is made again
   * from the commit that holds it.
   *
   * @throws {WaymarkError} `REG_CORRUPT` when git has lost it as well
   */
  async readContent(digest: Digest, commit: string): Promise<Buffer> {
    const { artifacts } = this.#deps;
    const stored = await artifacts.read(hexOf(digest)).catch((error: unknown) => {
      if (!isUnreadable(error)) throw error;
      return undefined;
    });
    if (stored) return stored;
    await this.runtime.restore(commit);
    const restored = await artifacts.read(hexOf(digest));
    if (restored) return restored;
    throw new WaymarkError('REG_CORRUPT', 'a file of the plugin is missing from the store');
  }

  /** The index of a channel for one visibility class, signed when first asked for. */
  async index(
    view: View,
    channel: string,
    asker: Asker,
    seesDiagnostics: boolean,
  ): Promise<SignedBody> {
    const choices = resolveChannelFor(view, channel, asker);
    const diagnostics = seesDiagnostics ? view.diagnostics : [];
    const digest = resolutionDigest(view, choices);
    const key = `${channel}\n${digest}\n${diagnostics.length === 0 ? '' : sha256Hex(JSON.stringify(diagnostics))}`;
    const known = this.#indexes.get(key);
    const nowMs = this.#deps.clock();
    // Also one of the future, by a clock that has gone back since.
    if (known && Math.abs(nowMs - known.atMs) < INDEX_RENEWAL_MS) return await known.signed;
    const sequence = channel === 'rolling' ? view.sequence : channelOf(view, channel).sequence;
    // Taken together, before anything is waited for: a rotation must not come between.
    const { keyring, rootVersion } = this.runtime;
    const signed = (async () => {
      const terms = { channel, sequence, rootVersion, nowMs, digest };
      const entries = await this.#indexEntries(view, channel, choices, keyring);
      const document = composeIndex(view, terms, entries, diagnostics);
      return await signBody(keyring, 'index', Buffer.from(JSON.stringify(document)));
    })();
    this.#indexes.set(key, { signed, atMs: nowMs, plugins: [...choices.keys()] });
    signed.catch(() => this.#indexes.delete(key));
    return await signed;
  }

  async #indexEntries(
    view: View,
    channel: string,
    choices: ReadonlyMap<string, Choice>,
    keyring: Keyring,
  ) {
    const entries: Record<string, IndexEntry> = {};
    for (const [id, choice] of choices) {
      const { content } = await this.recordOf(choice);
      entries[id] = {
        version: choice.version,
        seq: choice.seq,
        contentDigest: choice.contentDigest,
        size: content.contentBytes,
        ...(isChoiceYanked(view, choice) ? { yanked: true as const } : {}),
        ...(await this.#downgrade(view, channel, choice, keyring)),
      };
    }
    return entries;
  }

  /** A fall-back to a lower seq has to say so itself, or a client takes it for an attack. */
  async #downgrade(
    view: View,
    channel: string,
    { plugin, seq, contentDigest }: Choice,
    keyring: Keyring,
  ) {
    const offer = view.channels.get(channel)?.resolution[plugin];
    if (!offer || seq >= offer.peakSeq) return {};
    // Without a cause of its own, a rollout was narrowed: this client may have been among the first.
    const cause = offer.cause ?? { kind: 'channel', id: channel };
    const statement = JSON.stringify({
      _type: 'downgrade',
      orgUid: view.org.uid,
      channel,
      pluginId: plugin,
      fromSeq: offer.peakSeq,
      toSeq: seq,
      contentDigest,
      cause,
      issuedAt: new Date(view.sequence * 1000).toISOString(),
    });
    const signature = await keyring.sign('release', Buffer.from(statement));
    return { downgrade: { statement, signature: Buffer.from(signature).toString('base64') } };
  }

  /**
   * A cached index may be kept only if no client could have seen a newer one:
   * unless nothing but contents of plugins moved, all go.
   */
  #dropIndexes(view: View, before: View | undefined): void {
    if (!before || !isSameAudience(view, before)) {
      this.#indexes.clear();
      return;
    }
    for (const [key, { plugins }] of this.#indexes.entries()) {
      if (plugins.some((id) => hasMoved(id, view, before))) this.#indexes.delete(key);
    }
  }

  /** The order for a bundle of a manifest, or of its difference to a base. */
  bundleOrder(answer: ManifestAnswer, format: BundleFormat, base?: PluginRecord): BundleOrder {
    const files = this.#bundleFiles(answer);
    const baseFiles = base
      ? new Map(filesOf(base.content).map((file) => [file.path, file]))
      : undefined;
    const wanted = files.filter(({ path, digest, mode }) => {
      const old = baseFiles?.get(path);
      return old?.digest !== digest || old?.mode !== mode;
    });
    const entries: BundleEntry[] = [
      inMemory('.waymark/manifest.json', answer.body),
      inMemory('.waymark/manifest.json.asc', Buffer.from(armorSignature(answer.signature))),
    ];
    if (baseFiles) {
      const paths = new Set(files.map(({ path }) => path));
      const removed = [...baseFiles.keys()].filter((path) => !paths.has(path)).sort();
      entries.push(inMemory('.waymark/removed.json', Buffer.from(JSON.stringify(removed))));
    }
    entries.push(...wanted);
    const since = base?.content.contentDigest ?? '';
    return {
      org: this.runtime.org.slug,
      contentKey: sha256Hex(`${answer.etag}\n${format}\n${since}`),
      archive: () => archive(entries, format),
    };
  }

  #bundleFiles({ record, rendered }: ManifestAnswer) {
    const entry = (file: {
      path: string;
      mode: '0644' | '0755';
      size: number;
      digest: Digest;
    }) => ({
      ...file,
      read: () => this.readContent(file.digest, record.commit),
    });
    if (!rendered) return filesOf(record.content).map(entry);
    const files = [...rendered.files, ...rendered.items.flatMap(({ files: own }) => own)];
    return files
      .map((file) => ({ ...entry(file), read: async () => file.bytes }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  }
}

const inMemory = (path: string, bytes: Buffer): BundleEntry => ({
  path,
  mode: '0644',
  size: bytes.length,
  read: async () => bytes,
});

function isSameAudience(view: View, before: View): boolean {
  const keys = [...view.published.records.keys()];
  return (
    keys.length === before.published.records.size &&
    keys.every((id) => before.published.records.has(id)) &&
    configKey(view) === configKey(before) &&
    JSON.stringify(view.diagnostics) === JSON.stringify(before.diagnostics) &&
    [...view.channels.keys()].join() === [...before.channels.keys()].join() &&
    [...view.channels].every(
      ([name, { resolution }]) =>
        Object.keys(resolution).join() ===
        Object.keys(before.channels.get(name)!.resolution).join(),
    )
  );
}

/** Access, teams, channels and settings, by the oids that hold them. */
function configKey({ published: { config } }: View): string {
  return [...config.values()]
    .flatMap(({ root, files }) => files.map(({ path, oid }) => `${root}/${path} ${oid}`))
    .join('\n');
}

function hasMoved(id: string, view: View, before: View): boolean {
  if (view.published.records.get(id) !== before.published.records.get(id)) return true;
  return [...view.channels].some(([name, { resolution }]) => {
    const old = before.channels.get(name)?.resolution[id];
    return JSON.stringify(resolution[id]) !== JSON.stringify(old);
  });
}

export function parseLayout(value: string | null): LayoutName {
  if (value === null || value === 'raw') return 'raw';
  const layout = LAYOUTS.find((name) => name === value);
  if (!layout) throw invalidField('layout', `one of raw, ${LAYOUTS.join(', ')}`);
  return layout;
}

export function parseFormat(value: string | null): BundleFormat {
  if (value === null || value === 'tar.gz') return 'tar.gz';
  if (value === 'zip') return 'zip';
  throw invalidField('format', 'tar.gz or zip');
}

/** `sha256:…`, as the index names content. */
export function parseContentDigest(value: string): Digest {
  if (!isDigest(value)) throw invalidField('contentDigest', 'sha256: and 64 hex digits');
  return value;
}
