import { createMasterKey } from '../../src/signing/master-key.ts';
import { generateOrgKeys, openKeyring } from '../../src/signing/org-keys.ts';
import { sealBody } from '../../src/signing/seal.ts';

export const MADE_AT = '2026-11-02T09:00:00.000Z';
export const testMaster = createMasterKey(new Uint8Array(32).fill(7));

/** An org's three keys and its keyring. Each call makes new keys. */
export async function makeOrgKeys({ org = 'acme', at = MADE_AT } = {}) {
  const keys = await generateOrgKeys({ org, at }, testMaster);
  const keyring = openKeyring(keys, testMaster);
  return { keys, keyring, releaseKey: keyring.publicKey('release') };
}

export type TestOrg = Awaited<ReturnType<typeof makeOrgKeys>>;

/** The sealed body in memory. */
export async function seal(org: TestOrg, ...plain: Uint8Array[]) {
  const chunks: Uint8Array[] = [];
  const sealed = await sealBody({
    plain: streamOf(plain),
    keyring: org.keyring,
    write: (chunk) => void chunks.push(chunk),
  });
  return { ...sealed, body: Buffer.concat(chunks) };
}

export async function* streamOf<T>(chunks: Iterable<T>): AsyncGenerator<T> {
  yield* chunks;
}
