import { commitFiles } from '../git/write.ts';
import { toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { readYaml } from '../registry/yaml-document.ts';
import { type PatchStep, patchFile } from '../registry/yaml-patch.ts';
import { causeOf, findRelease, type Publishing } from './publish.ts';

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
  publishing: Publishing,
  plugin: string,
  version: string,
  reason: string | null,
): Promise<string> {
  const { runtime, clock, actor } = publishing;
  const parent = await runtime.refs.read(MAIN);
  if (parent === undefined) throw new WaymarkError('RES_UNAVAILABLE', 'main has no commit yet');
  const path = `releases/${plugin}/${version}.yaml`;
  const at = clock();
  const { spec, bytes } = await readStatus(publishing, `${parent}:${path}`);
  const { yanked, ...rest } = spec;
  if ((yanked !== undefined) === (reason !== null)) return parent;
  const isEmpty = reason === null && Object.keys(rest).length === 0;
  const step: PatchStep =
    reason === null
      ? { op: 'remove', path: '/spec/yanked' }
      : { op: 'add', path: '/spec/yanked', value: { reason, at: toTime(at) } };
  const who = { name: actor, email: 'release@waymark.invalid', atSec: Math.floor(at / 1000) };
  const verb = reason === null ? 'un-yank' : 'yank';
  const commit = await commitFiles({
    repo: runtime.repo,
    parent,
    changes: [{ path, content: isEmpty ? null : patched(bytes, step) }],
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
  const update = { ref: MAIN, old: parent, new: commit };
  await runtime.moveRef(update, causeOf(publishing, `release.${verb}`));
  return commit;
}

/** The file as it stands in git; what is served may be older. */
async function readStatus({ runtime }: Publishing, spec: string) {
  const found = await runtime.pool.find(spec);
  const bytes = found ? await runtime.pool.readBlob(found.oid) : NEW_STATUS;
  const read = readYaml(bytes.toString());
  const value = read.ok ? (read.value.value as { spec?: Record<string, unknown> }) : {};
  return { spec: value.spec ?? {}, bytes };
}

function patched(bytes: Buffer, step: PatchStep): Buffer {
  const result = patchFile(bytes, [step]);
  if (result.ok) return result.value;
  throw new WaymarkError('REG_INVALID', `the status of the release: ${result.error.message}`);
}

const NEW_STATUS = Buffer.from('apiVersion: waymark/v1\nkind: ReleaseStatus\nspec: {}\n');
