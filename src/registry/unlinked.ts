import { type Diagnostic, fileError } from '../model/diagnostic.ts';
import type { Fragment } from './fragment.ts';
import type { ConfigFolder } from './snapshot.ts';
import type { SymbolTable } from './symbols.ts';

/** What is compiled but not yet known to hang together. */
export interface Unlinked {
  plugins: ReadonlyMap<string, Fragment>;
  shared: Fragment | undefined;
  config: ReadonlyMap<string, ConfigFolder>;
  symbols: SymbolTable;
}

/** An error at a place in a document; its line is looked up later, when there is one to report. */
export function pointError(
  path: string,
  pointer: string,
  code: string,
  message: string,
  hint?: string,
): Diagnostic {
  return { ...fileError(path, code, message, hint), pointer };
}
