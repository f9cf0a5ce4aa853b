import type { RootDocument } from '../../src/signing/root.ts';
import type { SignedDocument } from '../delivery.ts';
import { VerificationError } from '../errors.ts';
import { type Manifest, parseManifest } from '../trust/manifest.ts';
import { checkManifest } from '../trust/manifest-check.ts';
import { checkSignature } from '../trust/signature.ts';
import type { LockedPlugin } from './lock.ts';
import type { Objects } from './objects.ts';

/**
 * A plugin from what is kept here, verified again: the folder that it lies in
 * is only as safe as the machine.
 *
 * @throws {VerificationError}
 */
export async function readStored(
  plugin: string,
  locked: LockedPlugin,
  { root, layout, objects }: { root: RootDocument; layout: string; objects: Objects },
): Promise<{ manifest: Manifest; document: SignedDocument }> {
  const body = await objects.read(locked.manifest);
  if (!body) {
    const message = `manifest of ${plugin}: it is missing or damaged here. Run \`waymark sync\``;
    throw new VerificationError('DIGEST_MISMATCH', message);
  }
  const signature = Buffer.from(locked.signature, 'base64');
  await checkSignature({ body, signature }, root, 'release', `manifest of ${plugin}`);
  const manifest = parseManifest(body);
  checkManifest(manifest, { plugin, layout, orgUid: root.orgUid, pin: locked });
  return { manifest, document: { body, signature, url: '' } };
}
