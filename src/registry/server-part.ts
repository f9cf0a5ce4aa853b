import { version as hostVersion } from '../config/version.ts';
import { type Diagnostic, fileError } from '../model/diagnostic.ts';
import type { Fragment } from './fragment.ts';
import { LIMITS } from './server-manifest/limits.ts';
import { parseManifest } from './server-manifest/parse-manifest.ts';
import { pointError } from './unlinked.ts';

/** Of a plugin's folder: never delivered to clients. */
export const SERVER = 'server/';
export const MANIFEST = `${SERVER}plugin.json`;
const SIGNATURE = `${SERVER}plugin.sig.json`;
const SIGNATURE_BYTES = 64 * 1024;

/** Reads `server/plugin.json` into its plugin's fragment, or says all that is wrong with it. */
export function readServerPart(fragment: Fragment, bytes: Buffer): void {
  const path = `${fragment.root}/${MANIFEST}`;
  const parsed = parseManifest(bytes, { source: 'registry', hostVersion });
  if (!parsed.ok) {
    for (const { code, pointer, message } of parsed.error) {
      fragment.diagnostics.push(fault(path, pointer, code, message));
    }
    return;
  }
  const { id, entry, version, configSchema, integrationTypes } = parsed.value;
  const folder = fragment.root.split('/')[1]!;
  if (id !== folder) {
    const message = `plugin.json is of ${id}, but its folder is ${folder}`;
    fragment.diagnostics.push(pointError(path, '/id', 'PLG_MANIFEST_MISMATCH', message));
  }
  fragment.server = {
    entry,
    ...(version === undefined ? {} : { version }),
    ...(configSchema === undefined ? {} : { configSchema }),
    integrationTypes,
  };
}

/** One that is made for another Waymark is kept for it: here it only does not run. */
function fault(path: string, pointer: string, code: string, message: string): Diagnostic {
  const severity = code === 'PLG_INCOMPATIBLE' ? 'warning' : 'error';
  return { ...pointError(path, pointer, code, message), severity };
}

/** `plugin.json`, the one script that it names, and a signature: a server part holds nothing else. */
export function checkServerFiles(fragment: Fragment, paths: ReadonlySet<string>): void {
  const files = [...paths].filter((path) => path.startsWith(SERVER));
  if (files.length === 0) return;
  const say = (path: string, code: string, message: string, hint?: string) =>
    fragment.diagnostics.push(fileError(`${fragment.root}/${path}`, code, message, hint));
  if (!paths.has(MANIFEST)) {
    const hint = 'it says what the server part is and may do';
    say(MANIFEST, 'missing-manifest', 'a server part needs plugin.json', hint);
  }
  const { server } = fragment;
  if (!server) return; // why, is said of its plugin.json
  const entry = SERVER + server.entry;
  if (!paths.has(entry)) {
    const message = `the script ${server.entry} is not beside plugin.json`;
    const at = `${fragment.root}/${MANIFEST}`;
    fragment.diagnostics.push(pointError(at, '/entry', 'missing-entry', message));
  }
  for (const path of files.filter((one) => ![MANIFEST, SIGNATURE, entry].includes(one))) {
    const hint = `put all of it into ${server.entry}: waymark plugin pack does`;
    say(path, 'unknown-server-file', 'a server part is plugin.json and one script', hint);
  }
  for (const { path, size } of fragment.files) {
    const limitBytes = path === entry ? LIMITS.scriptBytes : SIGNATURE_BYTES;
    if ((path !== entry && path !== SIGNATURE) || size <= limitBytes) continue;
    say(path, 'file-too-large', `${size} bytes are over the limit of ${limitBytes}`);
  }
}
