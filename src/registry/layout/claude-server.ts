import { isDeepStrictEqual } from 'node:util';
import type { ListPlace } from './claude-paths.ts';
import { type Fields, isFields } from './markdown.ts';
import { assignNames } from './object-name.ts';

/** An MCP server as it stands in a shared file. */
export interface FoundServer {
  /** The object's name; unique among the plugin's servers. */
  name: string;
  key: string;
  place: ListPlace;
  entry: unknown;
  /** Undefined for an entry that an Mcp object cannot express: it stays as it is. */
  spec?: Fields;
  unmapped: string[];
}

const NAME_LIMIT = 48;

export function findServers(places: readonly ListPlace[]): FoundServer[] {
  const keys = places.flatMap(({ list }) => Object.keys(list));
  const names = assignNames(keys, NAME_LIMIT);
  const taken = new Set<string>();
  return places.flatMap((place) =>
    Object.entries(place.list).flatMap(([key, entry]) => {
      // The same key in two files: the tool itself takes one of them.
      if (taken.has(key)) return [];
      taken.add(key);
      return [{ name: names.get(key)!, key, place, entry, ...readServer(entry) }];
    }),
  );
}

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** An entry in the registry's fields. A field of an unexpected form refuses the whole entry. */
export function readServer(entry: unknown): { spec?: Fields; unmapped: string[] } {
  if (!isFields(entry)) return { unmapped: [] };
  const { type, command, args, env, url, headers, ...others } = entry;
  const unmapped = Object.keys(others);
  if (isText(command) && (type === undefined || type === 'stdio')) {
    if (!isTexts(args) || !isTextMap(env, ENV_NAME)) return { unmapped };
    const spec = { transport: 'stdio', command, ...given({ args, env }) };
    const foreign = Object.keys(given({ url, headers }));
    return { spec: withInputs(spec), unmapped: [...unmapped, ...foreign] };
  }
  const transport = TRANSPORTS.get(type);
  if (!transport || !isText(url) || url.length > 2048) return { unmapped };
  if (!isTextMap(headers, HEADER_NAME)) return { unmapped };
  const foreign = Object.keys(given({ command, args, env }));
  const spec = { transport, url, ...given({ headers }) };
  return { spec: withInputs(spec), unmapped: [...unmapped, ...foreign] };
}

const TRANSPORTS = new Map<unknown, string>([
  [undefined, 'streamable-http'],
  ['http', 'streamable-http'],
  ['streamable-http', 'streamable-http'],
  ['sse', 'sse'],
]);

/** An entry for `.mcp.json`. An input with a default is written as Claude Code spells it. */
export function writeServer(spec: Fields): Fields {
  const { transport, command, args, env, url, headers } = spec;
  const entry =
    transport === 'stdio'
      ? { command, ...given({ args, env }) }
      : { type: transport === 'sse' ? 'sse' : 'http', url, ...given({ headers }) };
  const inputs = (spec['inputs'] ?? []) as { name: string; default?: string }[];
  const defaults = new Map(inputs.map((input) => [input.name, input.default]));
  return mapTexts(entry, (text) =>
    text.replace(/\$\{([A-Za-z_][\w-]*)\}/g, (whole, name: string) => {
      const value = defaults.get(name);
      return value === undefined ? whole : `\${${name}:-${value}}`;
    }),
  ) as Fields;
}

export function isSameServer(a: Fields, b: Fields): boolean {
  return isDeepStrictEqual(writeServer(a), writeServer(b));
}

const PLACEHOLDER = /\$\{([A-Za-z_][\w-]{0,127})(?::-([^}]*))?\}/g;
const SECRET = /key|token|secret|pass|auth|cred/i;

/** What stands as `${NAME}` is asked for; `CLAUDE_*` the tool itself fills in. */
function withInputs(spec: Fields): Fields {
  const inputs = new Map<string, Fields>();
  mapTexts(spec, (text) => {
    for (const [, name, fallback] of text.matchAll(PLACEHOLDER)) {
      if (!name || name.startsWith('CLAUDE_') || inputs.has(name)) continue;
      const isSecret = SECRET.test(name);
      inputs.set(name, {
        name,
        ...(fallback === undefined ? { required: true } : {}),
        ...(fallback ? { default: fallback } : isSecret ? { secret: true } : {}),
      });
    }
    return text;
  });
  return inputs.size === 0 ? spec : { ...spec, inputs: [...inputs.values()] };
}

/** A copy with every text in it replaced; keys stay. */
export function mapTexts(value: unknown, replace: (text: string) => string): unknown {
  if (typeof value === 'string') return replace(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, replace));
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, mapTexts(item, replace)]),
  );
}

function given(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function isTexts(value: unknown): boolean {
  return (
    value === undefined || (Array.isArray(value) && value.every((item) => typeof item === 'string'))
  );
}

function isTextMap(value: unknown, name: RegExp): boolean {
  if (value === undefined) return true;
  return (
    isFields(value) &&
    Object.entries(value).every(([key, item]) => name.test(key) && typeof item === 'string')
  );
}
