import { type Diagnostic, fileError } from '../model/diagnostic.ts';

/** Said of what the format has no place for: nothing is dropped silently. */
export function unknownPath(path: string): Diagnostic {
  const message = 'no kind of document stands here; it is ignored';
  return { ...fileError(path, 'unknown-path', message), severity: 'warning' };
}
