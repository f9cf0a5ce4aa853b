import type { Digest, FileMode } from '../../src/model/digest.ts';

/** What a file is, for the purpose of telling whether two are the same. */
export interface FileIdentity {
  digest: Digest;
  mode: FileMode;
}

/** How a file stands after a run. `updated` is a file exactly as delivered. */
export type SettledState =
  | 'updated'
  | 'converged'
  | 'modified'
  | 'conflict'
  | 'suppressed'
  | 'orphaned';

export type FileState = SettledState | 'removed' | 'collision';

export interface ThreeWay {
  /** As it was delivered before. */
  base?: FileIdentity | undefined;
  /** As it is here. */
  local?: FileIdentity | undefined;
  /** As it is delivered now. */
  remote?: FileIdentity | undefined;
}

/**
 * The case that a file is in.
 *
 * @see docs/spec/client.md, "States": the rows of its table in order
 */
export function stateOf({ base, local, remote }: ThreeWay): FileState {
  if (!remote) return !local || isSame(local, base) ? 'removed' : 'orphaned';
  if (!local) return base ? 'suppressed' : 'updated';
  if (!base) return isSame(local, remote) ? 'converged' : 'collision';
  if (isSame(local, remote)) return isSame(base, remote) ? 'updated' : 'converged';
  if (isSame(local, base)) return 'updated';
  return isSame(base, remote) ? 'modified' : 'conflict';
}

export const isSame = (a: FileIdentity | undefined, b: FileIdentity | undefined): boolean =>
  a?.digest === b?.digest && a?.mode === b?.mode;
