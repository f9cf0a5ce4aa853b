import { isDeepStrictEqual } from 'node:util';
import { supportOf } from '../client-support.ts';
import type { HookSpec } from '../kinds.ts';
import type { ListPlace } from './claude-paths.ts';
import { type Fields, isFields } from './markdown.ts';
import { toName } from './object-name.ts';
import { readShellCommand, writeShellCommand } from './shell-words.ts';

/** One handler as it stands in a shared file: `hooks.<event>[group].hooks[index]`. */
export interface FoundHook {
  /** From event and matcher; the second of the same gets `-2`. */
  name: string;
  place: ListPlace;
  event: string;
  matcher?: string;
  /** The live list in which the handler stands. */
  handlers: unknown[];
  entry: unknown;
  /** Undefined for a handler that a Hook object cannot express: it stays as it is. */
  spec?: Fields;
  unmapped: string[];
}

const NAME_LIMIT = 48;
const EVENT = /^[A-Za-z][A-Za-z0-9._:-]{0,63}$/;

export function findHooks(places: readonly ListPlace[]): FoundHook[] {
  const found = places.flatMap((place) =>
    Object.entries(place.list).flatMap(([event, groups]) =>
      groupsOf(groups).flatMap(({ matcher, handlers }) =>
        handlers.map((entry) => ({ place, event, matcher, handlers, entry })),
      ),
    ),
  );
  const taken = new Set<string>();
  return found.map(({ matcher, ...hook }) => ({
    ...hook,
    ...(typeof matcher === 'string' ? { matcher } : {}),
    name: nameHook(hook.event, matcher, taken),
    ...readHook(hook.event, matcher, hook.entry),
  }));
}

function nameHook(event: string, matcher: unknown, taken: Set<string>): string {
  const words = event.replace(/([a-z0-9])([A-Z])/g, '$1-$2');
  const suffix = typeof matcher === 'string' ? matcher : '';
  const base = toName(`${words} ${suffix}`, NAME_LIMIT - 5) || 'hook';
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
  taken.add(name);
  return name;
}

/** The well-formed groups of an event. */
export function groupsOf(
  groups: unknown,
): { group: Fields; matcher: unknown; handlers: unknown[] }[] {
  if (!Array.isArray(groups)) return [];
  return groups.flatMap((group: unknown) =>
    isFields(group) && Array.isArray(group['hooks'])
      ? [{ group, matcher: group['matcher'], handlers: group['hooks'] as unknown[] }]
      : [],
  );
}

function readHook(
  event: string,
  matcher: unknown,
  entry: unknown,
): { spec?: Fields; unmapped: string[] } {
  if (!isFields(entry)) return { unmapped: [] };
  const { type, command, args, timeout, ...others } = entry;
  const isCommand = type === undefined || type === 'command';
  const isPlain = matcher === undefined || typeof matcher === 'string';
  if (!isCommand || !isPlain || typeof command !== 'string' || !command || !EVENT.test(event)) {
    return { unmapped: Object.keys(others) };
  }
  const isTime = Number.isInteger(timeout) && Number(timeout) >= 1 && Number(timeout) <= 86_400;
  const foreign = timeout === undefined || isTime ? [] : ['timeout'];
  const spec = {
    event,
    command: Array.isArray(args) ? [command, ...args.map(String)] : readShellCommand(command),
    ...(matcher === undefined ? {} : { matcher }),
    ...(isTime ? { timeoutSec: timeout } : {}),
  };
  // An object that the tool cannot take would take the handler out of the file.
  if (supportOf('hook', spec as HookSpec).claude !== 'native') return { unmapped: [] };
  return { spec, unmapped: [...Object.keys(others), ...foreign] };
}

/** A handler for `hooks.json`; `old` is the one that it takes the place of. */
export function writeHook(spec: Fields, old: Fields = {}): Fields {
  const { type: _type, command: _command, args: _args, timeout, ...others } = old;
  const words = spec['command'] as string[];
  const time = spec['timeoutSec'] ?? (Number.isInteger(timeout) ? undefined : timeout);
  return {
    type: 'command',
    command: writeShellCommand(words),
    ...(time === undefined ? {} : { timeout: time }),
    ...others,
  };
}

export function isSameHook(a: Fields, b: Fields): boolean {
  return ['event', 'matcher', 'command', 'timeoutSec'].every((field) =>
    isDeepStrictEqual(a[field], b[field]),
  );
}
