import { parseManifest } from '../../src/registry/server-manifest/parse-manifest.ts';
import { Failure } from '../errors.ts';
import { version as hostVersion } from '../package.ts';
import { bundlePlugin } from './bundle.ts';
import { completeManifest } from './complete-manifest.ts';
import { describePlugin } from './description.ts';
import { refusedPatterns } from './refused-patterns.ts';
import { readSource } from './source.ts';

export interface PackedPlugin {
  id: string;
  version: string;
  /** `plugin.json` and the one script. */
  files: ReadonlyMap<string, Buffer>;
}

/** @throws {Failure | UsageError} that says what is wrong, and where */
export async function packPlugin(dir: string): Promise<PackedPlugin> {
  const source = readSource(dir);
  const bundle = await bundlePlugin(source);
  const manifest = completeManifest(source, await describePlugin(source, bundle));
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  const parsed = parseManifest(text, { source: 'host', hostVersion });
  if (!parsed.ok) {
    const lines = parsed.error.map(({ pointer, message }) => `plugin.json: ${pointer} ${message}`);
    throw new Failure(lines.join('\n'));
  }
  const refused = refusedPatterns(manifest);
  if (refused.length > 0) throw new Failure(refused.join('\n'));
  const files = new Map([
    ['plugin.json', Buffer.from(text)],
    [parsed.value.entry, Buffer.from(bundle.script)],
  ]);
  return { id: parsed.value.id, version: parsed.value.version ?? '', files };
}
