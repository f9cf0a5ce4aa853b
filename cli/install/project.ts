import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Failure, UsageError } from '../errors.ts';
import { type SeenChannel, UNSEEN } from '../trust/index-check.ts';
import type { TrustedRoot } from '../trust/root.ts';
import { readIfAny, writeDurably } from './files.ts';
import type { LockedPlugin } from './lock.ts';

/** Where a project keeps what Waymark knows about it. All paths are absolute. */
export interface Project {
  dir: string;
  /** `.waymark`: this machine's alone, never committed. */
  privateDir: string;
  lockPath: string;
  statePath: string;
  clientPath: string;
  journalPath: string;
  /** Bytes as delivered, by digest. */
  objectsDir: string;
  /** Bytes that are not verified to the end. */
  incomingDir: string;
  downloadsDir: string;
}

export const PRIVATE_FOLDER = '.waymark';

export function openProject(dir: string): Project {
  const privateDir = join(resolve(dir), PRIVATE_FOLDER);
  return {
    dir: resolve(dir),
    privateDir,
    lockPath: join(resolve(dir), 'waymark.lock'),
    statePath: join(privateDir, 'state.json'),
    clientPath: join(privateDir, 'client.json'),
    journalPath: join(privateDir, 'journal.json'),
    objectsDir: join(privateDir, 'objects'),
    incomingDir: join(privateDir, 'incoming'),
    downloadsDir: join(privateDir, 'downloads'),
  };
}

/** The nearest folder, from here upwards, that is enrolled; else this one. */
export function findProject(cwd: string): Project {
  for (let dir = resolve(cwd); ; dir = dirname(dir)) {
    const project = openProject(dir);
    if (existsSync(project.clientPath)) return project;
    if (dirname(dir) === dir) return openProject(cwd);
  }
}

export async function createPrivateDir({ privateDir }: Project): Promise<void> {
  await mkdir(privateDir, { recursive: true, mode: 0o700 });
  await writeFile(join(privateDir, '.gitignore'), '*\n');
}

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

/** What this client must remember so that nobody can take it back in time. */
export interface ClientState {
  root: TrustedRoot;
  /** Of the org's repository: named by the first release tag that was accepted. */
  repoUid?: string;
  channels: Readonly<Record<string, SeenChannel>>;
  /** What `rollback` goes back to, by plugin. */
  previous: Readonly<Record<string, LockedPlugin>>;
}

export const seenOf = ({ channels }: ClientState, channel: string): SeenChannel =>
  Object.hasOwn(channels, channel) ? (channels[channel] ?? UNSEEN) : UNSEEN;

export async function readState(project: Project): Promise<ClientState> {
  const text = await readIfAny(project.statePath);
  if (text) return parseOwn(text, project.statePath) as ClientState;
  throw new Failure(
    `${project.statePath} is missing, and with it the keys to verify with: run \`waymark enrol\` again`,
  );
}

export const toText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

function parseOwn(text: Buffer, path: string): unknown {
  try {
    return JSON.parse(text.toString());
  } catch (cause) {
    throw new Failure(`${path} is damaged: restore it, or run \`waymark enrol\` again`, { cause });
  }
}
