import type { KeyRole } from '../../src/signing/keys.ts';
import { parseRoot, type RootDocument } from '../../src/signing/root.ts';
import { VerificationError } from '../errors.ts';
import { refusedAs } from './signature.ts';

/** What was asked for: nothing else may be in the text that is signed. */
export interface DraftTerms {
  trusted: RootDocument;
  roles: readonly KeyRole[];
  compromised: boolean;
  /** Of the root key that is to count from then on. */
  rootKey: string;
}

/**
 * The root key is kept away from the server so that the server cannot choose
 * what it signs: a draft is read before it is signed.
 *
 * @throws {VerificationError} `ROOT_MISMATCH`, `ROOT_INVALID`
 */
export async function checkDraft(body: string, terms: DraftTerms): Promise<RootDocument> {
  const draft = await refusedAs('ROOT_INVALID', 'draft', (async () => parse(body))());
  const { trusted, rootKey } = terms;
  const { root } = draft.roles;
  const facts: [what: string, is: string | number, expected: string | number][] = [
    ['org', draft.org, trusted.org],
    ['orgUid', draft.orgUid, trusted.orgUid],
    ['version', draft.version, trusted.version + 1],
    ['custody', draft.custody, 'offline'],
    ['root key', root.keyids.join(' '), rootKey],
    ['list of thresholds', thresholdsOf(draft), '1 1 1'],
  ];
  for (const [what, is, expected] of facts) {
    if (is !== expected) throw mismatch(`its ${what} is ${is}, where ${expected} was expected`);
  }
  for (const role of ['release', 'index'] as const) checkRole(draft, role, terms);
  return draft;
}

const parse = (body: string): RootDocument => parseRoot(Buffer.from(body));

const thresholdsOf = ({ roles: { root, release, index } }: RootDocument): string =>
  [root, release, index].map(({ threshold }) => threshold).join(' ');

function checkRole(draft: RootDocument, role: 'release' | 'index', terms: DraftTerms): void {
  const { trusted, roles, compromised } = terms;
  const before = trusted.roles[role].keyids;
  const now = draft.roles[role].keyids;
  if (!roles.includes(role)) {
    if (!isSameSet(now, before)) throw mismatch(`it changes the ${role} keys unasked`);
    return;
  }
  // Older tags stay valid under the keys that signed them, unless those are in other hands.
  const kept = role === 'release' && !compromised ? before : [];
  const made = now.filter((id) => !before.includes(id));
  if (made.length === 1 && isSameSet(now, [...kept, ...made])) return;
  throw mismatch(`its ${role} keys are ${now.join(' ')}: not those before and one new`);
}

/** Their order means nothing: the server has it from times, of which some are whole seconds. */
const isSameSet = (some: readonly string[], others: readonly string[]): boolean =>
  [...some].sort().join() === [...others].sort().join();

const mismatch = (reason: string): VerificationError =>
  new VerificationError('ROOT_MISMATCH', `draft: ${reason}. It was not signed`);
