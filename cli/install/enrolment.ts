import { UsageError } from '../errors.ts';
import { readIfAny, writeDurably } from './files.ts';
import { parseOwn, toText } from './own-files.ts';
import type { Project } from './project.ts';

/** This machine's enrolment. Secret: whoever reads it is this client. */
export interface Enrolment {
  url: string;
  org: string;
  clientId: string;
  name: string;
  token: string;
  channel: string;
  /** Armored; null when it was enrolled without a key, and bundles come unencrypted. */
  privateKey: string | null;
  fingerprint: string | null;
}

/** @throws {UsageError} when the project is not enrolled */
export async function readEnrolment(project: Project): Promise<Enrolment> {
  const text = await readIfAny(project.clientPath);
  if (text) return parseOwn(text, project.clientPath) as Enrolment;
  throw new UsageError(
    `${project.dir} is not enrolled: run \`waymark enrol\` there first, or go to a folder that is`,
  );
}

export async function writeEnrolment(project: Project, enrolment: Enrolment): Promise<void> {
  await writeDurably(project.clientPath, toText(enrolment), 0o600);
}
