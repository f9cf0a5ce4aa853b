import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { toTime } from '../src/model/clock.ts';
import type { KeyRole } from '../src/signing/keys.ts';
import { generateKeyPair } from '../src/signing/org-keys.ts';
import { type RootDocument, verifyRoot } from '../src/signing/root.ts';
import { type OfflineRootKey, readOfflineRootKey, signRootBody } from '../src/signing/root-key.ts';
import { verifyDetached } from '../src/signing/verify.ts';
import { callApi } from './api.ts';
import type { Cli } from './cli.ts';
import { UsageError } from './errors.ts';
import { readIfAny, writeDurably } from './install/files.ts';
import { findNewestRoot } from './newest-root.ts';
import { readRoot } from './trust/root.ts';
import { checkDraft } from './trust/root-draft.ts';
import { refusedAs } from './trust/signature.ts';

/** What the server answers about a new root. */
export interface RootSummary extends Record<KeyRole, string[]> {
  version: number;
  custody: 'server' | 'offline';
  expiresAt: string;
}

export interface OfflineRotation {
  roles: readonly KeyRole[];
  compromised: boolean;
  /** A file. */
  rootKey: string;
  /** A file, where the root key itself is replaced. */
  newRootKey: string | undefined;
}

interface Draft {
  body: string;
  keys: unknown[];
}

/**
 * Has the server draft the next root, reads it, signs it here and hands it in.
 *
 * @throws {VerificationError} when the server's root is not signed by this key,
 *   or its draft is not what was asked for
 */
export async function rotateOffline(
  cli: Cli,
  command: Command,
  { roles, compromised, ...files }: OfflineRotation,
): Promise<RootSummary> {
  const connection = cli.connection(command);
  const current = await readKeyFile(cli, files.rootKey);
  const trusted = await fetchTrusted(cli, command, current);
  const next = files.newRootKey ? await openNewKey(cli, trusted.org, files.newRootKey) : undefined;

  const rootKey = next && { rootKey: next.key.toPublic().armor() };
  const body = { roles, compromised, ...rootKey };
  const path = '/keys/rotate/draft';
  const draft = await callApi<Draft>(connection, { method: 'POST', path, body });
  const { fingerprint } = next ?? current;
  await checkDraft(draft.body, { trusted, roles, compromised, rootKey: fingerprint });

  const signature = await signRootBody(draft.body, next ? [current, next] : [current]);
  await refusedAs('ROOT_INVALID', 'draft', verifyRoot(Buffer.from(draft.body), signature, trusted));
  const signed = { ...draft, signature: Buffer.from(signature).toString('base64') };
  const asked = { method: 'POST', path: '/keys/rotate/signed', body: signed };
  return await callApi<RootSummary>(connection, asked);
}

async function readKeyFile({ world }: Cli, file: string): Promise<OfflineRootKey> {
  return readOfflineRootKey(await readFile(resolve(world.cwd, file), 'utf8'));
}

/** A file that is there is used: an upload that broke off is repeated with the same key. */
async function openNewKey({ world }: Cli, org: string, file: string): Promise<OfflineRootKey> {
  const path = resolve(world.cwd, file);
  const known = await readIfAny(path);
  if (known) return readOfflineRootKey(known.toString());
  const made = await generateKeyPair({ org, role: 'root', at: toTime(world.clock()) });
  // Before anybody hears of it: a root key that is lost cannot be replaced.
  await writeDurably(path, made.privateArmored, 0o600);
  return readOfflineRootKey(made.privateArmored);
}

/** The newest root, which this very key must have signed: whoever else may have, too, is not asked. */
async function fetchTrusted(
  cli: Cli,
  command: Command,
  { fingerprint, key }: OfflineRootKey,
): Promise<RootDocument> {
  const newest = await findNewestRoot(cli, command);
  const root = readRoot(newest);
  if (!root.roles.root.keyids.includes(fingerprint)) {
    const message = `the root key of root ${root.version} is ${root.roles.root.keyids.join(' ')}`;
    throw new UsageError(`${message}, and the file holds ${fingerprint}`);
  }
  const body = Buffer.from(newest.body);
  const signature = Buffer.from(newest.signature, 'base64');
  const keys = [key.toPublic().armor()];
  await refusedAs('ROOT_INVALID', 'root', verifyDetached({ body, signature, keys }));
  return root;
}
