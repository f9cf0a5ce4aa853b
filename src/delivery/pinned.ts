import { WaymarkError } from '../model/errors.ts';
import { findCommit } from '../release/publish.ts';
import type { PluginRecord } from './record.ts';
import { type Choice, fromRecord, fromRelease } from './resolve.ts';
import type { OrgRuntime } from './runtime.ts';
import type { View } from './view.ts';

/** Content of a plugin by its digest: served now, released, or replaced within the last day. */
export async function findContent(
  runtime: OrgRuntime,
  view: View,
  plugin: string,
  contentDigest: string,
): Promise<Choice | undefined> {
  const current = view.published.records.get(plugin);
  if (current?.content.contentDigest === contentDigest) return fromRecord(current);
  const released = view.releases.get(plugin)?.find((row) => row.contentDigest === contentDigest);
  if (released) return fromRelease(released);
  const replaced = view.published.replaced.findLast(
    (one) => one.plugin === plugin && one.contentDigest === contentDigest,
  );
  if (!replaced) return undefined;
  return fromRecord(await runtime.recordOf({ recordDigest: replaced.record }));
}

/**
 * What an index pinned, even if a push has replaced it since.
 *
 * @throws {WaymarkError} `RES_NOT_FOUND`
 */
export async function pinContent(
  runtime: OrgRuntime,
  view: View,
  choice: Choice,
  contentDigest: string,
): Promise<Choice> {
  if (choice.contentDigest === contentDigest) return choice;
  const found = await findContent(runtime, view, choice.plugin, contentDigest);
  if (found) return found;
  throw new WaymarkError('RES_NOT_FOUND', `${choice.plugin} has no content ${contentDigest}`);
}

/** The base of a delta, by commit or content digest; undefined means: send everything. */
export async function findBase(
  runtime: OrgRuntime,
  view: View,
  plugin: string,
  since: string,
): Promise<PluginRecord | undefined> {
  if (since.startsWith('sha256:')) {
    const choice = await findContent(runtime, view, plugin, since);
    return choice && (choice.record ?? (await runtime.recordOf(choice.release!)));
  }
  try {
    return await runtime.recordAt(plugin, await findCommit(runtime, since));
  } catch (error) {
    if (error instanceof WaymarkError) return undefined;
    throw error;
  }
}
