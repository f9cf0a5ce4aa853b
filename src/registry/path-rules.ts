import { type ObjectType, TYPE_OF_FOLDER } from '../model/names.ts';
import type { Kind } from './kinds.ts';

/**
 * What the tree holds at a path: a document of a kind; `payload`, a file of an
 * object's folder or of a server part; `free`, delivered or kept but never
 * parsed; `unknown`, ignored with a warning.
 */
export type PathRole = Kind | 'payload' | 'free' | 'unknown';

export interface Place {
  role: PathRole;
  /** The last of the path's names that mean something: `stable` of `channels/stable.yaml`. */
  name: string;
  /** The folder around it that means something: a plugin, a freeze's environment, a release's plugin. */
  parent?: string;
  /** Of a config object, and of its payload. */
  object?: { type: ObjectType; form: 'file' | 'folder' };
}

const KIND_OF_TYPE: Record<ObjectType, Kind> = {
  skill: 'Skill',
  agent: 'Agent',
  command: 'Command',
  tool: 'Tool',
  mcp: 'Mcp',
  hook: 'Hook',
  context: 'Context',
  custom: 'Custom',
};

/** Folders that hold nothing but one file for each resource. */
const KIND_OF_FOLDER: ReadonlyMap<string, Kind> = new Map([
  ['marketplaces', 'Marketplace'],
  ['channels', 'Channel'],
  ['access/teams', 'Team'],
  ['access/plugins', 'Access'],
  ['access/marketplaces', 'Access'],
  ['namespaces', 'Namespace'],
  ['releases', 'ReleaseStatus'],
  ['environments', 'Environment'],
  ['targets', 'Target'],
  ['policies', 'ApprovalPolicy'],
  ['workflows', 'WorkflowTemplate'],
  ['strategies', 'RolloutStrategy'],
  ['integrations', 'Integration'],
] as const);

const KEPT_AT_ROOT = new Set(['.gitlab-ci.yml', '.gitattributes', '.editorconfig']);
const KEPT_FOLDERS = new Set(['docs', '.github', '.waymark']);
const isKeptAnywhere = (file: string): boolean => /^(README|LICENSE)/.test(file);

/** `.yml` counts as well, so that a misnamed document is refused rather than overlooked. */
function stemOf(file: string): string | undefined {
  return /^(.+)\.ya?ml$/.exec(file)?.[1];
}

const elsewhere = (role: 'free' | 'unknown', name: string): Place => ({ role, name });

/** The tree of the registry's format, read from a path. @see docs/spec/registry-format.md */
export function placeOf(path: string): Place {
  const parts = path.split('/');
  const [top = '', second = ''] = parts;
  const file = parts.at(-1) ?? '';
  if (parts.length === 1) return rootFile(file);
  if (KEPT_FOLDERS.has(top)) return elsewhere('free', file);
  if (top === 'plugins' && parts.length > 2) return pluginFile(second, parts.slice(2));
  if (top === 'objects') {
    const object = objectFile(parts.slice(1));
    if (object) return object;
  }
  return resourceFile(parts, file) ?? elsewhere(isKeptAnywhere(file) ? 'free' : 'unknown', file);
}

export const expectedKind = (path: string): PathRole => placeOf(path).role;

/** False for roles that no document stands for. */
export const isKind = (role: PathRole): role is Kind =>
  role !== 'payload' && role !== 'free' && role !== 'unknown';

function rootFile(file: string): Place {
  if (stemOf(file) === 'registry') return { role: 'Registry', name: 'registry' };
  const isKept = isKeptAnywhere(file) || KEPT_AT_ROOT.has(file);
  return elsewhere(isKept ? 'free' : 'unknown', file);
}

/** Everything in a plugin's folder is delivered, so nothing in it is unknown. */
function pluginFile(plugin: string, rest: readonly string[]): Place {
  const [first = ''] = rest;
  if (rest.length === 1 && stemOf(first) === 'plugin') return { role: 'Plugin', name: plugin };
  if (first === 'server' && rest.length > 1) {
    return { role: 'payload', name: 'server', parent: plugin };
  }
  const object = objectFile(rest) ?? elsewhere('free', rest.at(-1) ?? '');
  return { ...object, parent: plugin };
}

/** `<types>/<name>.yaml`, `<types>/<name>/<type>.yaml`, or payload of the latter. */
function objectFile(parts: readonly string[]): Place | undefined {
  const [folder = '', entry = '', ...rest] = parts;
  const type = TYPE_OF_FOLDER.get(folder);
  if (type === undefined || entry === '') return undefined;
  const [inside] = rest;
  if (inside === undefined) {
    const name = stemOf(entry);
    if (name === undefined) return elsewhere('free', entry);
    return { role: KIND_OF_TYPE[type], name, object: { type, form: 'file' } };
  }
  const isDocument = rest.length === 1 && stemOf(inside) === type;
  const role = isDocument ? KIND_OF_TYPE[type] : 'payload';
  return { role, name: entry, object: { type, form: 'folder' } };
}

function resourceFile(parts: readonly string[], file: string): Place | undefined {
  const name = stemOf(file);
  if (name === undefined) return undefined;
  const role = KIND_OF_FOLDER.get(parts.slice(0, -1).join('/'));
  if (role) return { role, name };
  const [top, parent = '', folder] = parts;
  if (top === 'releases' && parts.length === 3) return { role: 'ReleaseStatus', name, parent };
  if (top === 'environments' && folder === 'freezes' && parts.length === 4) {
    return { role: 'FreezeWindow', name, parent };
  }
  return undefined;
}
