import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { type Clock, toTime } from '../model/clock.ts';
import { sha256Hex } from '../model/digest.ts';
import { failpoint } from '../model/failpoint.ts';
import { writeFault } from '../model/storage-full.ts';
import type { MasterKey } from '../signing/master-key.ts';
import type { Keyring } from '../signing/org-keys.ts';
import { type RecipientKey, sessionKeyPacket } from '../signing/recipient.ts';
import { sealBody } from '../signing/seal.ts';
import { CheckedWriter, readChecked, sizeOnDisk } from './checked-file.ts';
import type { SealedBody, SealedStore } from './sealed.ts';

/** Where bodies lie: temporary name, fsync, rename. */
export interface BundleFiles {
  create(): Promise<{ path: string; commit(hex: string): Promise<void>; abort(): Promise<void> }>;
  path(hex: string): string;
  size(hex: string): number | undefined;
  remove(hex: string): Promise<void>;
  sweep(used: ReadonlySet<string>, before: number): Promise<number>;
}

/** A bundle ready to be sent, in any range. */
export interface ReadyBundle {
  etag: string;
  size: number;
  /** @throws {WaymarkError} `SIGN_SEALED_CORRUPT`, after which the next request makes it anew */
  read(start: number, end: number): AsyncGenerator<Buffer>;
}

/** What makes two bundles the same. */
export interface BundleOrder {
  org: string;
  /** Digest of everything that goes in: manifest, base of a delta, format. */
  contentKey: string;
  archive(): AsyncIterable<Uint8Array>;
}

/** A body is sealed anew after this long, so that no session key lives for ever. */
const SEAL_LIFETIME_MS = 90 * 86_400_000;
/** A file's row follows it at once, unless a crash came between. */
const UNKNOWN_MS = 86_400_000;

/**
 * Bundles, made once and kept as files. An encrypted one is one body for all
 * and a small packet for each recipient; packets are stored, so that a resumed
 * download meets the same bytes after a restart.
 */
export class BundleCache {
  readonly #files: BundleFiles;
  readonly #store: SealedStore;
  readonly #master: MasterKey;
  readonly #clock: Clock;
  /** Of requests for one body at the same time, one makes it. */
  readonly #making = new Map<string, Promise<SealedBody>>();
  readonly #packets = new Map<string, Promise<Packet>>();

  constructor(deps: { files: BundleFiles; store: SealedStore; master: MasterKey; clock: Clock }) {
    this.#files = deps.files;
    this.#store = deps.store;
    this.#master = deps.master;
    this.#clock = deps.clock;
  }

  async plain(order: BundleOrder): Promise<ReadyBundle> {
    const key = `plain ${order.contentKey}`;
    const body = await this.#find(order, key, (path) => this.#writePlain(order, path));
    return this.#ready(body, { bytes: new Uint8Array(), store: async () => {} });
  }

  async sealed(
    order: BundleOrder,
    keyring: Keyring,
    recipient: Pick<RecipientKey, 'subkey' | 'armored'>,
  ): Promise<ReadyBundle> {
    const key = `sealed ${order.contentKey} ${keyring.fingerprint('release')}`;
    const body = await this.#find(order, key, (path) => this.#writeSealed(order, keyring, path));
    return this.#ready(body, await this.#packet(body, recipient));
  }

  /** After a recipient was removed: what it could read is sealed anew for the others. */
  async forget(org: string, subkey: string): Promise<void> {
    this.#packets.clear();
    await this.#store.removeBodiesReadBy(org, subkey);
  }

  /** Removes what would be sealed anew in any case, and files that nobody knows of. */
  async sweep(): Promise<number> {
    const nowMs = this.#clock();
    await this.#store.removeBodiesFrom(toTime(nowMs - SEAL_LIFETIME_MS));
    return await this.#files.sweep(await this.#store.bodyDigests(), nowMs - UNKNOWN_MS);
  }

  async #find(
    order: BundleOrder,
    key: string,
    write: (path: string) => Promise<Written>,
  ): Promise<SealedBody> {
    const id = `${order.org}\0${key}`;
    const running = this.#making.get(id);
    if (running) return running;
    const making = this.#findOrMake(order.org, sha256Hex(key), write);
    this.#making.set(id, making);
    try {
      return await making;
    } finally {
      this.#making.delete(id);
    }
  }

  async #findOrMake(
    org: string,
    key: string,
    write: (path: string) => Promise<Written>,
  ): Promise<SealedBody> {
    const stored = await this.#store.findBody(org, key);
    if (stored) {
      const isYoung = this.#clock() - Date.parse(stored.createdAt) < SEAL_LIFETIME_MS;
      if (isYoung && this.#files.size(stored.bodyDigest) === sizeOnDisk(stored.size)) return stored;
      await this.#store.removeBody(org, key);
    }
    return await this.#make(org, key, write);
  }

  async #make(
    org: string,
    key: string,
    write: (path: string) => Promise<Written>,
  ): Promise<SealedBody> {
    await failpoint('seal.started');
    const file = await this.#files.create();
    try {
      const { bodyDigest, size, wrappedKey } = await write(file.path);
      await failpoint('seal.before-rename');
      await file.commit(bodyDigest);
      await failpoint('seal.renamed');
      const createdAt = toTime(this.#clock());
      const body = await this.#store.insertBody({
        org,
        key,
        bodyDigest,
        size,
        wrappedKey,
        createdAt,
      });
      await failpoint('seal.recorded');
      return body;
    } catch (error) {
      await file.abort();
      throw writeFault(error);
    }
  }

  async #writePlain(order: BundleOrder, path: string): Promise<Written> {
    const writer = await CheckedWriter.open(path);
    try {
      const hash = createHash('sha256');
      let size = 0;
      for await (const chunk of order.archive()) {
        hash.update(chunk);
        size += chunk.length;
        await writer.write(chunk);
      }
      await writer.end();
      return { bodyDigest: hash.digest('hex'), size, wrappedKey: '' };
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  async #writeSealed(order: BundleOrder, keyring: Keyring, path: string): Promise<Written> {
    const writer = await CheckedWriter.open(path);
    try {
      const { sessionKey, bodyDigest, size } = await sealBody({
        plain: order.archive(),
        keyring,
        write: (chunk) => writer.write(chunk),
      });
      await writer.end();
      await failpoint('seal.body-written');
      return { bodyDigest, size, wrappedKey: this.#master.wrap(sessionKey, bodyDigest) };
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  /** In memory, else stored, else made, in about a millisecond: less than it takes to store it. */
  async #packet(
    { bodyDigest, wrappedKey }: SealedBody,
    { subkey, armored }: Pick<RecipientKey, 'subkey' | 'armored'>,
  ): Promise<Packet> {
    const id = `${bodyDigest} ${subkey}`;
    const known = this.#packets.get(id);
    if (known) return await known;
    const finding = (async () => {
      const stored = await this.#store.findPacket(bodyDigest, subkey);
      if (stored) return { bytes: stored, store: async () => {} };
      const bytes = await sessionKeyPacket(armored, this.#master.unwrap(wrappedKey, bodyDigest));
      let storing: Promise<unknown> | undefined;
      const store = async () => {
        storing ??= this.#store.insertPacket(bodyDigest, subkey, bytes);
        await storing;
      };
      return { bytes, store };
    })();
    if (this.#packets.size > 10_000) this.#packets.clear();
    this.#packets.set(id, finding);
    try {
      return await finding;
    } catch (error) {
      this.#packets.delete(id);
      throw error;
    }
  }

  #ready(body: SealedBody, { bytes, store }: Packet): ReadyBundle {
    const head = Buffer.from(bytes);
    const size = head.length + body.size;
    return {
      etag: `"${sha256Hex(Buffer.concat([Buffer.from(body.bodyDigest), head])).slice(0, 40)}"`,
      size,
      read: (start, end) => this.#readAndStore(this.#read(body, head, start, end), store),
    };
  }

  /**
   * Whoever has read to the end finds the same packet after a restart. The one
   * who has not meets another ETag then, and begins again.
   */
  async *#readAndStore(
    bytes: AsyncGenerator<Buffer>,
    store: Packet['store'],
  ): AsyncGenerator<Buffer> {
    let held: Buffer | undefined;
    for await (const chunk of bytes) {
      if (held) yield held;
      held = chunk;
    }
    // Before the last bytes: whoever has them may come again at once, to another process.
    await store();
    if (held) yield held;
  }

  async *#read(body: SealedBody, head: Buffer, start: number, end: number): AsyncGenerator<Buffer> {
    if (start < head.length) yield head.subarray(start, end);
    if (end <= head.length) return;
    const from = Math.max(start - head.length, 0);
    const path = this.#files.path(body.bodyDigest);
    try {
      yield* readChecked(path, body.size, from, end - head.length);
    } catch (error) {
      await this.#store.removeBody(body.org, body.key);
      await this.#files.remove(body.bodyDigest);
      throw error;
    }
  }
}

/** A recipient's session-key packet. `store` keeps it for good, once. */
interface Packet {
  bytes: Uint8Array;
  store: () => Promise<void>;
}

type Written = Pick<SealedBody, 'bodyDigest' | 'size' | 'wrappedKey'>;
