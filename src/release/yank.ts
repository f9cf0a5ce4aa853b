import { stringify } from 'yaml';
import { commitFiles } from '../git/write.ts';
import { toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { ReleaseStatusSpec } from '../registry/kinds.ts';
import { documentsOf } from '../registry/snapshot.ts';
import { findRelease, type Publishing } from './publish.ts';

const MAIN = 'refs/heads/main';
const ATTEMPTS = 5;

/**
 * Yanks a release, or takes that back: a commit to its status file, since the
 * tag itself never moves. Exact pins stay served.
 *
 * @returns the commit; the served one when nothing had to change
 */
export async function setYanked(
  publishing: Publishing,
  { plugin, version, reason }: { plugin: string; version: string; reason: string | null },
): Promise<string> {
  const { runtime } = publishing;
  findRelease(runtime, plugin, version);
  for (let attempt = 1; ; attempt++) {
    try {
      return await commitStatus(publishing, plugin, version, reason);
    } catch (error) {
      const isRace = error instanceof WaymarkError && error.code === 'RES_VERSION_CONFLICT';
      if (!isRace || attempt === ATTEMPTS) throw error;
    }
  }
}

async function commitStatus(
  { runtime, clock, actor }: Publishing,
  plugin: string,
  version: string,
  reason: string | null,
): Promise<string> {
  const parent = await runtime.refs.read(MAIN);
  if (parent === undefined) throw new WaymarkError('RES_UNAVAILABLE', 'main has no commit yet');
  const path = `releases/${plugin}/${version}.yaml`;
  const document = documentsOf(runtime.view.published, 'ReleaseStatus').find(
    (one) => one.path === path,
  );
  const { yanked, ...rest } = document?.spec ?? {};
  if ((yanked === undefined) === (reason === null)) return parent;
  const at = clock();
  const spec: ReleaseStatusSpec =
    reason === null ? rest : { ...rest, yanked: { reason, at: toTime(at) } };
  const isEmpty = Object.keys(spec).length === 0;
  const who = { name: actor, email: 'release@waymark.invalid', atSec: Math.floor(at / 1000) };
  const verb = reason === null ? 'un-yank' : 'yank';
  const commit = await commitFiles({
    repo: runtime.repo,
    parent,
    changes: [{ path, content: isEmpty ? null : statusFile(spec) }],
    message: `releases: ${verb} ${plugin} ${version}\n${reason ? `\n${reason}\n` : ''}`,
    author: who,
    committer: who,
    objects: runtime.pool,
  });
  const diagnostics = await runtime.checkCommit(commit);
  if (diagnostics.length > 0) {
    throw new WaymarkError('REG_GATE_REFUSED', 'main does not compile', {
      details: { diagnostics },
    });
  }
  await runtime.moveRef(
    { ref: MAIN, old: parent, new: commit },
    { actor, action: `release.${verb}` },
  );
  return commit;
}

const statusFile = (spec: ReleaseStatusSpec): string =>
  stringify({ apiVersion: 'waymark/v1', kind: 'ReleaseStatus', spec });
