import type { WireEvent } from '../events/event.ts';

const PLACE = /\{\{\s*([\w.]+)\s*\}\}/g;
const LONGEST_VALUE = 500;

/**
 * What is written about an event. A template's own text is the admin's, who may
 * link and mention; what stands in its `{{places}}` may be anybody's.
 */
export function messageOf(event: WireEvent, template = defaultFor(event)): string {
  // The envelope last: no field of an event's data stands for its type.
  const fields = { ...event.data, ...event };
  return template.replace(PLACE, (_all, path: string) => shown(at(fields, path.split('.'))));
}

/** Its type, and every field of it that is a word. */
function defaultFor({ data }: WireEvent): string {
  const names = Object.keys(data).filter(
    (name) => /^\w+$/.test(name) && typeof data[name] !== 'object',
  );
  return ['*{{type}}*', ...names.map((name) => `${name}: {{data.${name}}}`)].join('\n');
}

function at(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return value;
  const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
  return isThere ? at((value as Record<string, unknown>)[name], rest) : undefined;
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return escaped(text.slice(0, LONGEST_VALUE));
}

/** By Slack's three entities: `<!channel>` in a title would wake everybody. */
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
