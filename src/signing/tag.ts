import type { Result } from '../model/result.ts';

export interface TaggedPlugin {
  id: string;
  version: string;
  commit: string;
  /** The oid of the plugin's folder. */
  tree: string;
  serverTree?: string;
  /** Path under `objects/` → oid. */
  shared?: Record<string, string>;
  contentDigest: string;
  serverDigest?: string;
}

/** What a release tag states, behind its notes. */
export interface TagBlock {
  apiVersion: 'waymark/v1';
  orgUid: string;
  repoUid: string;
  /** The tag's name. */
  release: string;
  seq: number;
  plugins: readonly TaggedPlugin[];
}

export interface ParsedTag {
  name: string;
  /** The oid it tags. */
  object: string;
  type: string;
  tagger: string;
  notes: string;
  block: TagBlock;
  signedPayload: string;
  /** Armored; '' when there is none. */
  signature: string;
}

export function composeTagMessage(_notes: string, _block: TagBlock): string {
  throw new Error('not yet');
}

/** The text that is signed: a tag object's content up to its signature. `at` is an RFC 3339 time. */
export function composeTagPayload(_tag: {
  name: string;
  object: string;
  tagger: { name: string; email: string; at: string };
  message: string;
}): string {
  throw new Error('not yet');
}

/** @throws {WaymarkError} `SIGN_INVALID` for anything that is no Waymark release tag */
export function parseTag(_raw: Uint8Array): ParsedTag {
  throw new Error('not yet');
}

/** The block of a tag that is ours, or why it is not: a sentence. */
export async function checkReleaseTag(
  _raw: Uint8Array,
  _expected: { name: string; orgUid: string; repoUid: string; keys: readonly string[] },
): Promise<Result<TagBlock, string>> {
  throw new Error('not yet');
}
