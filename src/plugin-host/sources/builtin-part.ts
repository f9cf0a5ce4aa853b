import { version } from '../../config/version.ts';
import { sha256Hex } from '../../model/digest.ts';
import { parseManifest } from '../../registry/server-manifest/parse-manifest.ts';
import type { WrittenManifest } from '../../registry/server-manifest/written-manifest.ts';
import type { Part } from '../part.ts';
import { type BuiltinMethods, startInProcess } from '../runtime/in-process.ts';

/** A server part that is Waymark's own, held to what every other is held to. */
export interface Builtin {
  manifest: WrittenManifest;
  methods: BuiltinMethods;
}

/** @throws {RangeError} for a `manifest` that would be refused of others */
export function builtinPart({ manifest: written, methods }: Builtin): Part {
  const text = JSON.stringify({ ...written, version });
  const parsed = parseManifest(text, { source: 'builtin', hostVersion: version });
  if (!parsed.ok) {
    const [{ pointer, message } = { pointer: '', message: '' }] = parsed.error;
    throw new RangeError(`the built-in ${written.id}: ${pointer} ${message}`);
  }
  const { id } = written;
  const digest = sha256Hex(text);
  return {
    id,
    version,
    digest,
    manifest: parsed.value,
    source: 'builtin',
    signature: 'core',
    trust: 'builtin',
    hasNetwork: true,
    fault: null,
    code: { id, version, digest, script: Buffer.alloc(0) },
    start: async (_code, { host }) => startInProcess(methods, { host }),
  };
}
