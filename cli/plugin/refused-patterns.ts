import { RE2JS } from 're2js';

/** Where a schema holds values, and not schemas. */
const VALUES: ReadonlySet<string> = new Set(['default', 'const', 'enum', 'examples']);

/**
 * What servers would refuse of the patterns in a manifest's schemas, which zod writes too: a server
 * runs them by RE2, so that no text keeps it busy.
 *
 * @returns sentences with a JSON pointer
 */
export function refusedPatterns(manifest: unknown): string[] {
  return [...patternsIn(manifest, '')].flatMap(([pointer, pattern]) => {
    const fault = faultOf(pattern);
    return fault === undefined ? [] : [`plugin.json: ${pointer} ${fault}`];
  });
}

function* patternsIn(node: unknown, pointer: string): Generator<[pointer: string, string]> {
  if (typeof node !== 'object' || node === null) return;
  for (const [key, child] of Object.entries(node)) {
    const at = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (key === 'pattern' && typeof child === 'string') yield [at, child];
    if (key === 'patternProperties' && typeof child === 'object') {
      for (const pattern of Object.keys(child as object)) yield [at, pattern];
    }
    if (!VALUES.has(key)) yield* patternsIn(child, at);
  }
}

const UNKNOWN: readonly (readonly [construct: RegExp, name: string])[] = [
  [/\(\?<?[=!]/, 'looks ahead or behind'],
  [/\\[1-9]|\\k</, 'refers back to a group'],
];

function faultOf(pattern: string): string | undefined {
  try {
    RE2JS.compile(RE2JS.translateRegExp(pattern));
    return undefined;
  } catch (error) {
    const [, why = (error as Error).message] =
      UNKNOWN.find(([construct]) => construct.test(pattern)) ?? [];
    const shown = pattern.length > 60 ? `${pattern.slice(0, 60)}…` : pattern;
    return `the pattern ${shown} ${why}, which RE2 does not know: check it in the code, as by zod's .refine()`;
  }
}
