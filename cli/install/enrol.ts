import { sha256Hex } from '../../src/model/digest.ts';
import { generateClientKey } from '../../src/signing/recipient.ts';
import type { RootDocument } from '../../src/signing/root.ts';
import { createDelivery, type SignedDocument } from '../delivery.ts';
import { UsageError, VerificationError } from '../errors.ts';
import { advanceRoot, readFirstRoot, toTrusted } from '../trust/root.ts';
import type { ClientState } from './client-state.ts';
import { type Enrolment, writeEnrolment } from './enrolment.ts';
import { exists, writeDurably } from './files.ts';
import { toText } from './own-files.ts';
import { createPrivateDir, type Project } from './project.ts';

export interface EnrolTerms {
  project: Project;
  url: string;
  org: string;
  /** The enroller's, used once. */
  token: string;
  name: string;
  labels: Record<string, string>;
  channel: string;
  /** False: bundles come unencrypted, where the org allows it. */
  encrypt: boolean;
  /** What a person was told that the root document must be. */
  rootSha256: string | undefined;
  /** Replaces an enrolment; what is installed stays. */
  again: boolean;
  startedAtMs: number;
}

export interface EnrolResult {
  enrolment: Enrolment;
  root: RootDocument;
  rootSha256: string;
}

/**
 * Makes this project a client. The root document is checked before the server
 * learns anything, and is what every later run starts from.
 *
 * @throws {VerificationError} `ROOT_MISMATCH`, `ROOT_INVALID`
 */
export async function enrol(terms: EnrolTerms): Promise<EnrolResult> {
  const { project, org, url, token, name, channel } = terms;
  if (!terms.again && (await exists(project.clientPath))) {
    throw new UsageError(`${project.dir} is enrolled already: use --again to replace that`);
  }
  const asEnroller = createDelivery({ url, token }, org);
  const document = await asEnroller.root();
  const rootSha256 = sha256Hex(document.body);
  const root = await checkFirstRoot(document, rootSha256, terms);
  // Refuses one that has expired, or that a rotation has replaced behind our back.
  await advanceRoot(asEnroller, toTrusted(document), terms.startedAtMs);

  const key = terms.encrypt ? await generateClientKey(name) : undefined;
  const enrolled = await asEnroller.enrol({
    name,
    labels: terms.labels,
    channel,
    ...(key && { publicKey: key.publicArmored }),
  });
  checkSameRoot(enrolled.root.sha256, rootSha256);

  const enrolment: Enrolment = {
    url,
    org,
    name,
    channel,
    clientId: enrolled.clientId,
    token: enrolled.token,
    privateKey: key?.privateArmored ?? null,
    fingerprint: key?.fingerprint ?? null,
  };
  await store(project, enrolment, { root: toTrusted(document), channels: {}, previous: {} });
  return { enrolment, root, rootSha256 };
}

async function checkFirstRoot(
  document: SignedDocument,
  rootSha256: string,
  terms: EnrolTerms,
): Promise<RootDocument> {
  const expected = terms.rootSha256?.replace(/^sha256:/, '').toLowerCase();
  if (expected !== undefined && expected !== rootSha256) {
    const message = `root: its digest is ${rootSha256}, you expect ${expected}. Nothing was enrolled`;
    throw new VerificationError('ROOT_MISMATCH', message);
  }
  return readFirstRoot(document, terms.org);
}

/** The one that we looked at must be the one that the server says it gave us. */
function checkSameRoot(stated: string, seen: string): void {
  if (stated.replace(/^sha256:/, '') === seen) return;
  const message = `root: the server says ${stated}, and gave ${seen}. Nothing was stored`;
  throw new VerificationError('ROOT_MISMATCH', message);
}

async function store(project: Project, enrolment: Enrolment, state: ClientState): Promise<void> {
  await createPrivateDir(project);
  await writeDurably(project.statePath, toText(state), 0o600);
  await writeEnrolment(project, enrolment);
}
