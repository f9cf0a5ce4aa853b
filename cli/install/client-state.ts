import { Failure } from '../errors.ts';
import { type SeenChannel, UNSEEN } from '../trust/index-check.ts';
import type { TrustedRoot } from '../trust/root.ts';
import { readIfAny } from './files.ts';
import type { LockedPlugin } from './lock.ts';
import { parseOwn } from './own-files.ts';
import type { Project } from './project.ts';

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
