import {
  parseRoot,
  type RootDocument,
  verifyRoot,
  verifyRootChain,
} from '../../src/signing/root.ts';
import type { Delivery, SignedDocument } from '../delivery.ts';
import { ServerRefusal, VerificationError } from '../errors.ts';
import { refusedAs } from './signature.ts';

/** A root that this client acts on, with the bytes that prove it. Base64 where binary. */
export interface TrustedRoot {
  body: string;
  signature: string;
}

/** More rotations than this in one run is an attempt to keep us busy. */
const LONGEST_CHAIN = 64;

/** Ours since it was stored: verified before, so only its form is checked. */
export const readRoot = ({ body }: TrustedRoot): RootDocument => parseRoot(Buffer.from(body));

export const toTrusted = ({ body, signature }: SignedDocument): TrustedRoot => ({
  body: body.toString(),
  signature: signature.toString('base64'),
});

/** The first root of all: it can only vouch for itself, so its digest is what a person compares. */
export async function readFirstRoot(document: SignedDocument, org?: string): Promise<RootDocument> {
  const checked = verifyRoot(document.body, document.signature);
  const root = await refusedAs('ROOT_INVALID', 'root', checked);
  if (org !== undefined && root.org !== org) {
    throw new VerificationError(
      'ROOT_MISMATCH',
      `root: it is the one of ${root.org}, not of ${org}`,
    );
  }
  return root;
}

/**
 * The newest root that the trusted one leads to, one version at a time; each
 * signed by the one before and by itself.
 *
 * @throws {VerificationError} `ROOT_INVALID`
 * @see TUF specification 1.0.34, section 5.3
 */
export async function advanceRoot(
  delivery: Delivery,
  trusted: TrustedRoot,
  startedAtMs: number,
): Promise<TrustedRoot> {
  const chain = await fetchVerified(delivery, readRoot(trusted), startedAtMs);
  const last = chain.at(-1);
  return last ? toTrusted(last) : trusted;
}

/** The trusted root, and every one that it leads to. @throws {VerificationError} `ROOT_INVALID` */
export async function followRoots(
  delivery: Delivery,
  trusted: TrustedRoot,
  startedAtMs: number,
): Promise<RootDocument[]> {
  const root = readRoot(trusted);
  const chain = await fetchVerified(delivery, root, startedAtMs);
  return [root, ...chain.map(({ body }) => parseRoot(body))];
}

async function fetchVerified(
  delivery: Delivery,
  root: RootDocument,
  startedAtMs: number,
): Promise<SignedDocument[]> {
  const chain = await fetchChain(delivery, root.version);
  await refusedAs('ROOT_INVALID', 'root', verifyRootChain(root, chain, startedAtMs));
  return chain;
}

async function fetchChain(delivery: Delivery, version: number): Promise<SignedDocument[]> {
  const chain: SignedDocument[] = [];
  while (chain.length < LONGEST_CHAIN) {
    const next = await fetchRoot(delivery, version + chain.length + 1);
    if (!next) return chain;
    chain.push(next);
  }
  throw new VerificationError('ROOT_INVALID', `root: more than ${LONGEST_CHAIN} rotations at once`);
}

async function fetchRoot(delivery: Delivery, version: number): Promise<SignedDocument | undefined> {
  try {
    return await delivery.root(version);
  } catch (error) {
    if (error instanceof ServerRefusal && error.status === 404) return undefined;
    throw error;
  }
}
