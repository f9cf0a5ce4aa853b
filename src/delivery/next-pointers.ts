import type { Diagnostic } from '../model/diagnostic.ts';
import type { ActivePointer } from './publication.ts';

/** What is to be served from now on. */
export interface Wanted {
  org: string;
  /** The head of `main`. */
  desired: string;
  /** '' while nothing has ever compiled. */
  active: string;
  /** The publication's artifact. */
  digest: string;
  diagnostics: readonly Diagnostic[];
  /** Channel → its resolution's artifact. */
  channels: ReadonlyMap<string, string>;
}

/**
 * The rows that say so, all of one number: an index of any channel is newer
 * after any activation. None when nothing changed.
 *
 * @param isForced for what the rows do not show, such as a new release that no channel offers
 */
export function nextPointers(
  wanted: Wanted,
  stored: ReadonlyMap<string, ActivePointer>,
  nowMs: number,
  isForced: boolean,
): ActivePointer[] {
  const { org, desired, active, digest, diagnostics, channels } = wanted;
  const rows = [
    { channel: 'rolling', desired, active, digest, diagnostics },
    ...[...channels].map(([channel, resolution]) => ({
      channel,
      desired: resolution,
      active: resolution,
      digest: resolution,
      diagnostics: [],
    })),
  ];
  if (!isForced && rows.every((row) => isSame(row, stored.get(row.channel)))) return [];
  const last = Math.max(...[...stored.values()].map(({ sequence }) => sequence), 0);
  const sequence = Math.max(last + 1, Math.floor(nowMs / 1000));
  return rows.map((row) => ({ org, ...row, sequence }));
}

function isSame(row: Omit<ActivePointer, 'org' | 'sequence'>, old: ActivePointer | undefined) {
  return (
    old?.digest === row.digest &&
    old.desired === row.desired &&
    JSON.stringify(old.diagnostics) === JSON.stringify(row.diagnostics)
  );
}
