/**
 * What is wrong with a registry, and where. `line` and `column` start at 1;
 * `pointer` is an RFC 6901 pointer into the document, '' for the whole file.
 */
export interface Diagnostic {
  severity: 'error' | 'warning';
  /** A stable, kebab-case name of the rule, such as `duplicate-id`. */
  code: string;
  /** The file's path from the registry's root. */
  path: string;
  line: number;
  column: number;
  pointer: string;
  message: string;
  /** What to do about it, where that is not plain from the message. */
  hint?: string;
}

export const isError = (diagnostic: Diagnostic): boolean => diagnostic.severity === 'error';

/** An error about a whole file: position 1:1. */
export function fileError(path: string, code: string, message: string, hint?: string): Diagnostic {
  const at = { path, line: 1, column: 1, pointer: '' };
  return { severity: 'error', code, ...at, message, ...(hint === undefined ? {} : { hint }) };
}

/** `path:line:column message`, the form that editors and `git push` readers can jump from. */
export function formatDiagnostic({ path, line, column, message, hint }: Diagnostic): string {
  return `${path}:${line}:${column} ${message}${hint ? ` (${hint})` : ''}`;
}

/** Sorts by file, then position, so that the same tree always reports the same list. */
export function byPosition(a: Diagnostic, b: Diagnostic): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  return a.line - b.line || a.column - b.column || (a.code < b.code ? -1 : 1);
}
