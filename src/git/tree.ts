import { WaymarkError } from '../model/errors.ts';

/** As git stores it: `mode` keeps its exact digits (`40000` for a folder), `name` its exact bytes. */
export interface TreeEntry {
  mode: string;
  name: Buffer;
  oid: string;
}

const OID_BYTES = 20;
const SPACE = 0x20;

/**
 * @throws {WaymarkError} `REG_CORRUPT` for bytes that are no tree, `VAL_TOO_LARGE`
 *   for more than `entryLimit` entries
 */
export function parseTree(raw: Buffer, entryLimit = Number.POSITIVE_INFINITY): TreeEntry[] {
  const entries: TreeEntry[] = [];
  let at = 0;
  while (at < raw.length) {
    const space = raw.indexOf(SPACE, at);
    const end = raw.indexOf(0, space + 1);
    const next = end + 1 + OID_BYTES;
    if (space < 0 || end < 0 || next > raw.length) {
      throw new WaymarkError('REG_CORRUPT', 'a folder in the repository is not a git tree');
    }
    if (entries.length === entryLimit) {
      throw new WaymarkError('VAL_TOO_LARGE', `a folder holds more than ${entryLimit} entries`);
    }
    entries.push({
      mode: raw.toString('latin1', at, space),
      name: raw.subarray(space + 1, end),
      oid: raw.toString('hex', end + 1, next),
    });
    at = next;
  }
  return entries;
}

/** The bytes of a tree. Git sorts a folder as if its name ended with `/`. */
export function formatTree(entries: readonly TreeEntry[]): Buffer {
  const rows = entries.map(({ mode, name, oid }) => ({
    key: mode === '40000' ? Buffer.concat([name, Buffer.from('/')]) : name,
    row: [Buffer.from(`${mode} `), name, Buffer.from([0]), Buffer.from(oid, 'hex')],
  }));
  rows.sort((a, b) => Buffer.compare(a.key, b.key));
  return Buffer.concat(rows.flatMap(({ row }) => row));
}
