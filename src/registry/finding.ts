/** A fault of a document's value, before its position in the text is looked up. */
export interface Finding {
  code: string;
  /** Decoded segments of an RFC 6901 pointer. */
  pointer: readonly string[];
  /** Whether the key is at fault or what stands under it. */
  of: 'key' | 'value';
  message: string;
  hint?: string;
}

/** `['spec', 'args', '0']` → `spec.args[0]`, as an author would say it. */
export function fieldOf(pointer: readonly string[]): string {
  if (pointer.length === 0) return 'the document';
  return pointer
    .map((segment, i) =>
      /^\d+$/.test(segment) ? `[${segment}]` : `${i === 0 ? '' : '.'}${segment}`,
    )
    .join('');
}

export const toPointer = (segments: readonly string[]): string =>
  segments.map((segment) => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

export const fromPointer = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
