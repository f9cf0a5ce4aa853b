import type { FileEntry } from '../../model/digest.ts';
import { WaymarkError } from '../../model/errors.ts';
import type { ObjectContent, PluginContent } from '../../model/object.ts';
import { parseDocument } from '../document.ts';
import { type Fields, isFields } from './markdown.ts';
import type { ReadBytes } from './rendered.ts';

/** A config object with what rendering asks of it. */
export interface SourceObject {
  object: ObjectContent;
  /** From its path: `hello` for `skills/hello.yaml` and `skills/hello/skill.yaml`. */
  name: string;
  /** Its place in any plugin: `skills/hello`, for a shared object too. */
  folder: string;
  isShared: boolean;
  spec: Fields;
  /** The other files of its folder; `inner` is their path in it. */
  payload: { inner: string; entry: FileEntry }[];
}

const SHARED = 'objects/';

export async function readObject(
  plugin: string,
  object: ObjectContent,
  read: ReadBytes,
): Promise<SourceObject> {
  const { documentPath: path } = object;
  const isShared = path.startsWith(SHARED);
  const [types, stem] = path.slice(isShared ? SHARED.length : 0).split('/') as [string, string];
  const name = stem.replace(/\.yaml$/, '');
  const folder = `${types}/${name}`;
  const inside = `${isShared ? SHARED : ''}${folder}/`;
  const payload = object.files
    .filter((entry) => entry.path !== path && entry.path.startsWith(inside))
    .map((entry) => ({ inner: entry.path.slice(inside.length), entry }));
  const spec = await readSpec(plugin, path, object.files, read);
  return { object, name, folder, isShared, spec, payload };
}

/** @throws {WaymarkError} `REG_CORRUPT`: what was compiled does parse, so the bytes are not those */
export async function readSpec(
  plugin: string,
  path: string,
  files: PluginContent['files'],
  read: ReadBytes,
): Promise<Fields> {
  const entry = files.find((file) => file.path === path);
  const inRegistry = path.startsWith(SHARED) ? path : `plugins/${plugin}/${path}`;
  const parsed = entry && parseDocument(await read(entry.digest), inRegistry);
  if (!isFields(parsed?.spec)) {
    throw new WaymarkError('REG_CORRUPT', `${inRegistry} cannot be read back from the snapshot`);
  }
  return parsed.spec;
}

/**
 * `./run.sh` where the object's folder holds it, as a path that works wherever
 * the plugin is installed.
 */
export function fromPluginRoot(word: string, { folder, payload }: SourceObject): string {
  const inner = word.startsWith('./') ? word.slice(2) : undefined;
  const isPayload = payload.some((file) => file.inner === inner);
  return isPayload ? `\${CLAUDE_PLUGIN_ROOT}/${folder}/${inner}` : word;
}
