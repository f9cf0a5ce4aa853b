import { isMap, parseDocument } from 'yaml';
import { commitFiles } from '../git/write.ts';
import { toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
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
  const { document, text } = await readStatus(publishing, `${parent}:${path}`);
  if (document.hasIn(['spec', 'yanked']) === (reason !== null)) return parent;
  const at = clock();
  if (reason === null) document.deleteIn(['spec', 'yanked']);
  else document.setIn(['spec', 'yanked'], { reason, at: toTime(at) });
  const { spec } = document.toJS() as { spec?: object };
  const isEmpty = Object.keys(spec ?? {}).length === 0;
  const who = { name: actor, email: 'release@waymark.invalid', atSec: Math.floor(at / 1000) };
  const verb = reason === null ? 'un-yank' : 'yank';
  const commit = await commitFiles({
    repo: runtime.repo,
    parent,
    changes: [{ path, content: isEmpty ? null : text() }],
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

/** The file as it stands in git, with its comments; what is served may be older. */
async function readStatus({ runtime }: Publishing, spec: string) {
  const found = await runtime.pool.find(spec);
  const text = found ? String(await runtime.pool.readBlob(found.oid)) : NEW_STATUS;
  const document = parseDocument(text);
  // `spec: {}` would keep what is added in one line.
  const fields = document.get('spec');
  if (isMap(fields) && fields.items.length === 0) fields.flow = false;
  const style = { lineWidth: 0, flowCollectionPadding: text.includes('{ ') };
  return { document, text: () => document.toString(style) };
}

const NEW_STATUS = 'apiVersion: waymark/v1\nkind: ReleaseStatus\nspec: {}\n';
