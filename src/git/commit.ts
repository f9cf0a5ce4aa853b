import { WaymarkError } from '../model/errors.ts';

/** Who, and when in seconds since the Unix epoch. The time zone is always written as UTC. */
export interface Signature {
  name: string;
  email: string;
  atSec: number;
}

export interface Commit {
  oid: string;
  tree: string;
  parents: readonly string[];
  author: Signature;
  committer: Signature;
  /** Armored signature, where the commit carries one. */
  signature?: string;
  /** What the signature is over: the commit without it. */
  signedPayload?: Buffer;
  message: string;
}

const SPACE = 0x20;

/** @throws {WaymarkError} `REG_CORRUPT` for bytes that are no commit */
export function parseCommit(oid: string, raw: Buffer): Commit {
  const text = raw.toString('utf8');
  const split = text.indexOf('\n\n');
  const headers = readHeaders(split < 0 ? text : text.slice(0, split));
  const one = (name: string) => headers.find(([key]) => key === name)?.[1];
  const tree = one('tree');
  const author = parseSignature(one('author'));
  const committer = parseSignature(one('committer'));
  if (!tree || !author || !committer) {
    throw new WaymarkError('REG_CORRUPT', `commit ${oid} has no tree, author or committer`);
  }
  const parents = headers.filter(([key]) => key === 'parent').map(([, value]) => value);
  const signature = one('gpgsig');
  const message = split < 0 ? '' : text.slice(split + 2);
  const signed = signature ? { signature, signedPayload: withoutSignature(raw) } : {};
  return { oid, tree, parents, author, committer, message, ...signed };
}

function withoutSignature(raw: Buffer): Buffer {
  const start = raw.indexOf('\ngpgsig ') + 1;
  let end = start;
  do end = raw.indexOf('\n', end) + 1;
  while (raw[end] === SPACE);
  return Buffer.concat([raw.subarray(0, start), raw.subarray(end)]);
}

/** A line that starts with a space continues the value before it. */
function readHeaders(head: string): [string, string][] {
  const headers: [string, string][] = [];
  for (const line of head.split('\n')) {
    const last = headers.at(-1);
    if (line.startsWith(' ') && last) last[1] += `\n${line.slice(1)}`;
    else {
      const space = line.indexOf(' ');
      headers.push([line.slice(0, space), line.slice(space + 1)]);
    }
  }
  return headers;
}

function parseSignature(value: string | undefined): Signature | undefined {
  const match = /^(.*?) ?<([^>]*)> (-?\d+)/.exec(value ?? '');
  if (!match) return undefined;
  return { name: match[1] ?? '', email: match[2] ?? '', atSec: Number(match[3]) };
}
