import { version as hostVersion } from '../../config/version.ts';
import { contentDigest, hexOf, sha256 } from '../../model/digest.ts';
import type { PluginManifest } from '../../registry/server-manifest/manifest.ts';
import { parseManifest } from '../../registry/server-manifest/parse-manifest.ts';
import type { PluginSource, SignatureState } from '../hosted-plugin.ts';
import { type Part, type PartFault, unreadManifest } from '../part.ts';
import type { StartRuntime } from '../runtime/runtime.ts';

export interface Found {
  id: string;
  source: Exclude<PluginSource, 'builtin'>;
  /** By path. */
  files: ReadonlyMap<string, Buffer>;
  /** Where it lies, of the host's own. */
  dir?: string;
  /** Its release's, else what `plugin.json` says. */
  version?: string;
}

/** What its source knows of a part besides its files. */
export interface Standing extends Pick<Part, 'signature' | 'trust' | 'hasNetwork'> {
  /** Why it must not run, though it could. */
  fault: PartFault | null;
  start: StartRuntime;
}

const MANIFEST_FILE = 'plugin.json';

/** A part of what was found, with all that speaks against running it. */
export function makePart(
  { id, source, files, dir, version }: Found,
  standing: (manifest: PluginManifest, digest: string) => Standing,
): Part {
  const digest = digestOf(files);
  const read = readManifest(id, source, files);
  const manifest = 'manifest' in read ? read.manifest : unreadManifest(id);
  const script = files.get(manifest.entry);
  const exact = version ?? manifest.version ?? '0.0.0';
  const { fault, ...rest } = standing(manifest, digest);
  return {
    id,
    source,
    manifest,
    digest,
    version: exact,
    ...rest,
    fault: 'fault' in read ? read.fault : (missingScript(manifest, script) ?? fault),
    code: { id, version: exact, digest, script: script ?? Buffer.alloc(0), ...(dir && { dir }) },
  };
}

/** Of one whose files cannot even be read. */
export const unreadPart = (
  { id, source }: Pick<Found, 'id' | 'source'>,
  fault: PartFault,
): Part => {
  const none = { signature: 'unsigned', trust: 'untrusted', hasNetwork: false } as const;
  const start = () => Promise.reject(new Error(`${id} was never read`));
  return {
    ...makePart({ id, source, files: new Map() }, () => ({ ...none, fault, start })),
    fault,
  };
};

function readManifest(
  id: string,
  source: Found['source'],
  files: ReadonlyMap<string, Buffer>,
): { manifest: PluginManifest } | { fault: PartFault } {
  const bytes = files.get(MANIFEST_FILE);
  if (!bytes) return { fault: { code: 'PLG_MANIFEST', message: `${MANIFEST_FILE} is missing` } };
  const parsed = parseManifest(bytes, { source, hostVersion });
  if (!parsed.ok) {
    const [{ code, pointer, message } = { code: 'PLG_MANIFEST', pointer: '', message: '' }] =
      parsed.error;
    return { fault: { code, message: `${MANIFEST_FILE}${pointer}: ${message}` } as PartFault };
  }
  if (parsed.value.id === id) return { manifest: parsed.value };
  const message = `${MANIFEST_FILE} is of ${parsed.value.id}, but lies in ${id}`;
  return { fault: { code: 'PLG_MANIFEST_MISMATCH', message } };
}

const missingScript = (
  { entry }: PluginManifest,
  script: Buffer | undefined,
): PartFault | undefined =>
  script ? undefined : { code: 'PLG_MANIFEST', message: `the script ${entry} is missing` };

export const digestOf = (files: ReadonlyMap<string, Buffer>): string =>
  hexOf(
    contentDigest(
      [...files].map(([path, bytes]) => ({ path, mode: '0644', digest: sha256(bytes) })),
    ),
  );

export const signatureFault = (signature: SignatureState): PartFault | null => {
  if (signature === 'modified') {
    return { code: 'PLG_UNSIGNED', message: 'its files are not those that were signed' };
  }
  if (signature !== 'invalid') return null;
  return { code: 'PLG_UNSIGNED', message: 'its signature is by no key that is known here' };
};
