import { invalidField, WaymarkError } from '../model/errors.ts';
import { isOid, NAMED_RELEASE_PREFIX, parseVersionTag } from '../model/names.ts';
import { fail, ok, type Result } from '../model/result.ts';
import { parseTagBlock, type TagBlock, writeTagBlock } from './tag-block.ts';
import { invalid, verifyArmored } from './verify.ts';

export type { TagBlock, TaggedPlugin } from './tag-block.ts';

export interface ParsedTag {
  name: string;
  /** The oid it tags. */
  object: string;
  type: string;
  /** `Name <email> <unix seconds> <zone>`. */
  tagger: string;
  notes: string;
  block: TagBlock;
  signedPayload: string;
  /** Armored; '' when there is none. */
  signature: string;
}

const MOST_TAG_BYTES = 1_048_576;
const SIGNATURE_LINE = '-----BEGIN PGP SIGNATURE-----';

/**
 * The notes, a line `---`, and the block as YAML. The last such line parts them:
 * no line of the block can look like it, and the notes may hold as many as they like.
 */
export function composeTagMessage(notes: string, block: TagBlock): string {
  const text = notes.replaceAll('\r\n', '\n').trim();
  if (text.includes('\0')) throw invalidField('notes', 'a NUL character cannot be stored in a tag');
  // Git ends a tag's text at the last such line, so what follows it would not be signed.
  if (/^-----BEGIN /m.test(text)) throw invalidField('notes', 'no line may start with -----BEGIN');
  return `${text === '' ? '' : `${text}\n\n`}---\n${writeTagBlock(block)}`;
}

/** The text that is signed: a tag object's content up to its signature. `at` is an RFC 3339 time. */
export function composeTagPayload(tag: {
  name: string;
  object: string;
  tagger: { name: string; email: string; at: string };
  message: string;
}): string {
  const { name, email, at } = tag.tagger;
  const seconds = Math.floor(Date.parse(at) / 1000);
  const tagger = `${headerText(name)} <${headerText(email)}> ${seconds} +0000`;
  return [
    `object ${tag.object}`,
    'type commit',
    `tag ${tag.name}`,
    `tagger ${tagger}`,
    '',
    tag.message,
  ].join('\n');
}

/** A person's name must not be able to end its header line. */
const headerText = (text: string): string => text.replace(/[\0\n\r<>]/g, '').trim();

/** @throws {WaymarkError} `SIGN_INVALID` for anything that is no Waymark release tag */
export function parseTag(raw: Uint8Array): ParsedTag {
  const { block, ...parts } = splitTag(raw);
  return { ...parts, block: parseTagBlock(block) };
}

interface TagParts extends Omit<ParsedTag, 'block'> {
  block: string;
}

function splitTag(raw: Uint8Array): TagParts {
  const { signedPayload, signature } = splitSignature(decode(raw));
  const headers = /^object (.+)\ntype (.+)\ntag (.+)\ntagger (.+)\n\n/.exec(signedPayload);
  if (!headers) throw invalid('the tag has other headers than object, type, tag and tagger');

  const [head, object = '', type = '', name = '', tagger = ''] = headers;
  const message = `\n${signedPayload.slice(head.length)}`;
  const separator = message.lastIndexOf('\n---\n');
  if (separator < 0) throw invalid('the tag has no block behind its notes');
  const notes = message.slice(0, separator).trim();
  const block = message.slice(separator + '\n---\n'.length);
  return { name, object, type, tagger, notes, block, signedPayload, signature };
}

function decode(raw: Uint8Array): string {
  if (raw.length > MOST_TAG_BYTES) throw invalid(`the tag is larger than ${MOST_TAG_BYTES} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch (cause) {
    throw invalid('the tag is not UTF-8', cause);
  }
}

function splitSignature(text: string): { signedPayload: string; signature: string } {
  const at = text.lastIndexOf(`\n${SIGNATURE_LINE}\n`) + 1;
  if (at === 0) return { signedPayload: text, signature: '' };
  return { signedPayload: text.slice(0, at), signature: text.slice(at) };
}

export interface ExpectedTag {
  /** The ref's name without `refs/tags/`. */
  name: string;
  orgUid: string;
  repoUid: string;
  /** The armored keys of the release role. */
  keys: readonly string[];
}

/**
 * The block of a release tag that is ours, or why it is not, as a sentence.
 *
 * @see docs/spec/delivery.md, "Releases are tags"
 */
export async function checkReleaseTag(
  raw: Uint8Array,
  expected: ExpectedTag,
): Promise<Result<TagBlock, string>> {
  try {
    const parts = splitTag(raw);
    await checkSignature(parts, expected.keys);
    checkPlace(parts, expected.name);
    const block = parseTagBlock(parts.block);
    checkOrigin(block, expected);
    checkRelease(block, expected.name);
    return ok(block);
  } catch (error) {
    if (error instanceof WaymarkError) return fail(error.message);
    throw error;
  }
}

async function checkSignature({ signedPayload, signature }: TagParts, keys: readonly string[]) {
  if (signature === '') throw invalid('the tag is not signed');
  await verifyArmored({ body: Buffer.from(signedPayload), signature, keys });
}

/** A tag object copied to another name still verifies for git. */
function checkPlace({ name, object, type }: TagParts, ref: string): void {
  if (name !== ref) throw invalid(`the tag says that it is ${name}, and stands at ${ref}`);
  if (type !== 'commit' || !isOid(object)) throw invalid('the tag does not point at a commit');
}

/** A tag object copied from another repository of the same keys still verifies for git. */
function checkOrigin(block: TagBlock, { orgUid, repoUid }: ExpectedTag): void {
  if (block.orgUid !== orgUid) throw invalid('the tag was made for another org');
  if (block.repoUid !== repoUid) throw invalid('the tag was made for another repository');
}

function checkRelease({ release, plugins }: TagBlock, name: string): void {
  if (release !== name) throw invalid(`the tag ${name} states the release ${release}`);
  if (name.startsWith(NAMED_RELEASE_PREFIX)) return;

  const version = parseVersionTag(name);
  const [plugin, ...others] = plugins;
  const isThatVersion =
    version?.plugin === plugin?.id && version?.version === plugin?.version && others.length === 0;
  if (!isThatVersion) throw invalid(`the tag ${name} states other plugins than its name does`);
}
