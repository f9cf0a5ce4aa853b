import { satisfies, valid, validRange } from 'semver';
import type { ReleaseRow } from '../../delivery/publication.ts';
import type { PluginRecord } from '../../delivery/record.ts';
import { rollingVersion } from '../../delivery/resolve.ts';
import type { OrgRuntime } from '../../delivery/runtime.ts';
import { isYanked, type View } from '../../delivery/view.ts';
import { contentDigest, hexOf, sha256 } from '../../model/digest.ts';
import { WaymarkError } from '../../model/errors.ts';

/** A plugin's `server/` as one commit has it. */
export interface ServerPart {
  pluginId: string;
  /** Exact; of what is not released, its plugin's rolling one. */
  version: string;
  /** `plugin.json`, the script and, where it is signed, `plugin.sig.json`. */
  files: ReadonlyMap<string, Buffer>;
  /** Of all of them, SHA-256 hex. */
  digest: string;
  isReleased: boolean;
  /** Of its release. */
  tag?: string;
}

/** What `registry.yaml` says of which version runs. */
export interface VersionChoice {
  /** Exact, a range, a channel or `rolling`; the highest release when absent. */
  version?: string | undefined;
  allowUnreleased?: boolean | undefined;
}

/** Plugins of the served registry that have a server part on `main`, by id. */
export const serverPartIds = ({ published }: View): string[] =>
  [...published.records.values()]
    .filter(({ content }) => content.serverTree !== undefined)
    .map(({ content }) => content.id)
    .sort();

/**
 * The server part that a choice stands for now. Undefined when no release is
 * admitted, the release that is has no server part, or the plugin is gone from
 * `main`.
 *
 * @throws {WaymarkError} `REG_CORRUPT` when git holds other bytes than were released
 */
export async function resolveServerPart(
  runtime: OrgRuntime,
  pluginId: string,
  choice: VersionChoice = {},
): Promise<ServerPart | undefined> {
  const view = runtime.maybeView;
  const current = view?.published.records.get(pluginId);
  if (!view || !current) return undefined;
  if (choice.version === 'rolling') {
    if (!choice.allowUnreleased) return undefined;
    const { commit } = view.published;
    return await readPart(runtime, current, { version: rollingVersion(current), commit });
  }
  const release = chooseRelease(view, pluginId, choice.version);
  return release && (await readPart(runtime, await runtime.recordOf(release), release));
}

/** One that is named exactly is meant, yanked or not; of the others only what is not. */
function chooseRelease(
  view: View,
  pluginId: string,
  version: string | undefined,
): ReleaseRow | undefined {
  const releases = view.releases.get(pluginId) ?? [];
  const exact = releases.find((release) => release.version === version);
  if (exact || valid(version) !== null) return exact;
  if (version !== undefined && view.channels.has(version)) {
    return offeredBy(view, version, pluginId);
  }
  const range = version ?? '*';
  return validRange(range) === null
    ? undefined
    : releases.find(
        (one) => satisfies(one.version, range) && !isYanked(view, pluginId, one.version),
      );
}

/** A server is one client for everybody: it stays behind until a rollout has reached all. */
function offeredBy(view: View, channel: string, pluginId: string): ReleaseRow | undefined {
  const { resolution } = view.channels.get(channel)!;
  if (!Object.hasOwn(resolution, pluginId)) return undefined;
  const { tag, previousTag, rolloutPercent } = resolution[pluginId]!;
  const chosen = rolloutPercent < 100 && previousTag !== undefined ? previousTag : tag;
  return view.releasesByTag.get(chosen)?.find(({ plugin }) => plugin === pluginId);
}

async function readPart(
  { pool }: OrgRuntime,
  { content }: PluginRecord,
  { version, commit, tag }: Pick<ReleaseRow, 'version' | 'commit'> & { tag?: string },
): Promise<ServerPart | undefined> {
  const { id: pluginId, serverTree, serverDigest } = content;
  if (serverTree === undefined || serverDigest === undefined) return undefined;
  const entries = await pool.readTree(serverTree);
  const blobs = await pool.readMany(entries.map(({ oid }) => oid));
  const files = new Map(entries.map(({ name }, i) => [name.toString(), blobs[i]!]));
  const digest = contentDigest(
    entries.map(({ name, mode }, i) => ({
      path: name.toString(),
      mode: mode === '100755' ? '0755' : '0644',
      digest: sha256(blobs[i]!),
    })),
  );
  if (digest !== serverDigest) {
    const message = `the server part of ${pluginId} at ${commit.slice(0, 12)} is not what was compiled`;
    throw new WaymarkError('REG_CORRUPT', message);
  }
  const isReleased = tag !== undefined;
  return {
    pluginId,
    version,
    files,
    digest: hexOf(digest),
    isReleased,
    ...(isReleased && { tag }),
  };
}
