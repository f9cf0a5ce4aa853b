import { toTime } from '../model/clock.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { sha256 } from '../model/digest.ts';
import type { Choice } from './resolve.ts';
import { isChoiceYanked } from './resolve.ts';
import type { View } from './view.ts';

export const INDEX_LIFETIME_MS = 24 * 3_600_000;
/** Signed again when a third of its life is over, so that a client offline for a night still trusts it. */
export const INDEX_RENEWAL_MS = 8 * 3_600_000;

export interface IndexEntry {
  version: string;
  seq: number;
  contentDigest: string;
  /** Bytes of all delivered files. */
  size: number;
  yanked?: true;
  downgrade?: { statement: string; signature: string };
}

/** The signed list of what a visibility class may have. @see docs/spec/delivery.md, "Index" */
export interface IndexDocument {
  _type: 'index';
  org: string;
  orgUid: string;
  channel: string;
  sequence: number;
  commit: string;
  issuedAt: string;
  expiresAt: string;
  rootVersion: number;
  resolutionDigest: string;
  plugins: Record<string, IndexEntry>;
  diagnostics?: readonly Diagnostic[];
}

/** What tells two visibility classes apart: what they see, and what each of it resolves to. */
export function resolutionDigest(view: View, choices: ReadonlyMap<string, Choice>): string {
  const known = digestsByChoices.get(choices);
  if (known !== undefined) return known;
  const lines = [...choices.values()].map((choice) => {
    const { plugin, version, seq, contentDigest } = choice;
    return [plugin, version, seq, contentDigest, isChoiceYanked(view, choice) ? 1 : 0].join('\0');
  });
  const digest = sha256(lines.sort().join('\n'));
  digestsByChoices.set(choices, digest);
  return digest;
}

/** A table of choices belongs to one view and never changes; every check for updates asks. */
const digestsByChoices = new WeakMap<ReadonlyMap<string, Choice>, string>();

export function composeIndex(
  view: View,
  terms: { channel: string; sequence: number; rootVersion: number; nowMs: number; digest: string },
  plugins: Record<string, IndexEntry>,
  diagnostics: readonly Diagnostic[],
): IndexDocument {
  const { slug, uid } = view.org;
  return {
    _type: 'index',
    org: slug,
    orgUid: uid,
    channel: terms.channel,
    sequence: terms.sequence,
    commit: view.published.commit,
    issuedAt: toTime(terms.nowMs),
    expiresAt: toTime(terms.nowMs + INDEX_LIFETIME_MS),
    rootVersion: terms.rootVersion,
    resolutionDigest: terms.digest,
    plugins,
    ...(diagnostics.length === 0 ? {} : { diagnostics }),
  };
}
