import type { Builtin } from '../sources/builtin-part.ts';
import { chat } from './chat.ts';
import { http } from './http.ts';
import { opendatabot } from './opendatabot.ts';
import { scm } from './scm/scm.ts';

/** Server parts that are Waymark's own, and need nothing but the wire. */
export const BUILTINS: readonly Builtin[] = [
  chat,
  scm('gitea'),
  scm('github'),
  scm('gitlab'),
  http,
  opendatabot,
];
