import type { Diagnostic } from '../model/diagnostic.ts';

/** Judges one entry of a git tree. `dir` is its folder ('' for the root), `name` its raw bytes, `mode` git's octal. */
export function checkTreeEntry(_dir: string, _name: Buffer, _mode: string): Diagnostic[] {
  return [];
}

/** Names in one folder that only case or Unicode normalisation keeps apart. */
export function checkSiblings(_dir: string, _names: readonly string[]): Diagnostic[] {
  return [];
}
