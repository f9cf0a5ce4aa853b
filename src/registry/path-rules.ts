import type { Kind } from './kinds.ts';

/**
 * What the tree holds at a path: a document of a kind; `payload`, a file of an
 * object's folder or of a server part; `free`, delivered or kept but never
 * parsed; `unknown`, ignored with a warning.
 */
export type PathRole = Kind | 'payload' | 'free' | 'unknown';

export function expectedKind(_path: string): PathRole {
  return 'unknown';
}
