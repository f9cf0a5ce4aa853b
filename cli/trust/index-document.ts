import type { Digest } from '../../src/model/digest.ts';
import { isPluginId } from '../../src/model/names.ts';
import { VerificationError } from '../errors.ts';
import { type Fields, parseFields } from './fields.ts';

/** What a plugin is, at the moment of one index. */
export interface IndexEntry {
  version: string;
  seq: number;
  contentDigest: Digest;
  yanked: boolean;
  downgrade?: Downgrade;
}

/** The release role's word that a plugin may go back. */
export interface Downgrade {
  /** The exact text that was signed. */
  statement: string;
  /** Base64, detached. */
  signature: string;
}

/** The signed list of all that this client may have. Times are RFC 3339. */
export interface Index {
  org: string;
  orgUid: string;
  channel: string;
  sequence: number;
  rootVersion: number;
  expiresAt: string;
  plugins: ReadonlyMap<string, IndexEntry>;
}

/** @throws {VerificationError} `DOCUMENT_INVALID` */
export function parseIndex(body: Uint8Array): Index {
  const fields = parseFields(body, 'index');
  if (fields.text('_type') !== 'index') {
    throw new VerificationError(
      'DOCUMENT_INVALID',
      `index: it is a signed ${fields.text('_type')}`,
    );
  }
  return {
    org: fields.text('org'),
    orgUid: fields.text('orgUid'),
    channel: fields.text('channel'),
    sequence: fields.count('sequence'),
    rootVersion: fields.count('rootVersion'),
    expiresAt: fields.text('expiresAt'),
    plugins: new Map(fields.fields('plugins').members().map(parseEntry)),
  };
}

function parseEntry([id, fields]: [string, Fields]): [string, IndexEntry] {
  // The id becomes a folder's name.
  if (!isPluginId(id)) {
    throw new VerificationError('DOCUMENT_INVALID', `index: ${JSON.stringify(id)} is no plugin id`);
  }
  const downgrade = fields.optionalFields('downgrade');
  const entry: IndexEntry = {
    version: fields.text('version'),
    seq: fields.count('seq'),
    contentDigest: fields.digest('contentDigest'),
    yanked: Boolean(fields.raw('yanked')),
  };
  return [id, downgrade ? { ...entry, downgrade: parseDowngrade(downgrade) } : entry];
}

/** A statement that stands in the index as an object was signed in its compact form. */
function parseDowngrade(fields: Fields): Downgrade {
  const statement = fields.raw('statement');
  return {
    statement: typeof statement === 'string' ? statement : JSON.stringify(statement),
    signature: fields.text('signature'),
  };
}
