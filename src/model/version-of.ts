import canonicalize from 'canonicalize';
import { sha256Hex } from './digest.ts';

/** For `If-Match`, of what has no counter: another whenever anything of it is. */
export const versionOf = (said: object): string => sha256Hex(canonicalize(said)!);
