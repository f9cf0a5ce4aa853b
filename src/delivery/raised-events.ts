import { toTime } from '../model/clock.ts';
import { NAMED_RELEASE_PREFIX, versionTag } from '../model/names.ts';
import { eventOf, type HookEvent } from '../plugin-host/events/event.ts';
import type { HookEventType } from '../registry/server-manifest/hook-events.ts';
import type { Intent, ReleaseRow } from './publication.ts';
import type { Published } from './published.ts';
import { readStatuses } from './view.ts';

const MAIN = 'refs/heads/main';
const TAGS = 'refs/tags/';
const NOBODY = 'system:reconciler';

/** From what was served to what is served now. */
export interface Activation {
  org: string;
  /** Undefined for an org's first, or where it can no longer be read. */
  before: Published | undefined;
  after: Published | undefined;
  /** All releases, and those that no row stood for. */
  rows: readonly ReleaseRow[];
  added: readonly ReleaseRow[];
  /** The moves of refs that explain it. */
  done: readonly Intent[];
}

/** What hooks hear of an activation. */
export function eventsOf(activation: Activation, nowMs: number): HookEvent[] {
  const { org } = activation;
  const common = { org, at: toTime(nowMs) };
  return [...documentsReady(activation), ...released(activation), ...restated(activation)].map(
    (event) => eventOf({ ...common, ...event }),
  );
}

type Raised = Omit<Parameters<typeof eventOf>[0], 'org' | 'at'>;

/** Contexts whose content was not served before: each content once in an org's life. */
function documentsReady({ org, before, after }: Activation): Raised[] {
  const raised = new Map<string, Raised & { plugins: string[] }>();
  for (const [pluginId, record] of after?.records ?? []) {
    const known = before?.records.get(pluginId);
    if (known === record) continue;
    const digests = new Set(known?.content.objects.map(({ id, digest }) => `${id} ${digest}`));
    for (const { id, type, title, digest } of record.content.objects) {
      if (type !== 'context' || digests.has(`${id} ${digest}`)) continue;
      const shared = raised.get(id);
      shared?.plugins.push(pluginId);
      if (shared) continue;
      const url = `/v1/orgs/${org}/delivery/config-objects/${id}/download`;
      const versionId = record.versions[id] ?? record.commit;
      raised.set(id, {
        type: 'document.ready',
        plugins: [pluginId],
        mark: `document.ready ${id} ${digest}`,
        data: { documentId: id, pluginId, title, versionId, digest, url },
      });
    }
  }
  return [...raised.values()];
}

/** A tag is created and published in one step: there are no drafts yet. */
function released({ added, done }: Activation): Raised[] {
  return [...Map.groupBy(added, ({ tag }) => tag)].flatMap(([tag, rows]) => {
    const by = done.find(({ ref }) => ref === `${TAGS}${tag}`)?.actor ?? rows[0]!.publishedBy;
    const event = describe(tag, rows, by);
    return (['release.created', 'release.published'] as const).map((type) => ({
      ...event,
      type,
      mark: `${type} ${tag}`,
    }));
  });
}

const RESTATED = {
  deprecated: 'release.deprecated',
  blocked: 'release.blocked',
  yanked: 'release.yanked',
} as const satisfies Record<string, HookEventType>;

/** What the status files say of releases that they did not say before. */
function restated({ before, after, rows, done }: Activation): Raised[] {
  if (!before || !after || before === after) return [];
  const known = readStatuses(before);
  const by = done.findLast(({ ref, new: oid }) => ref === MAIN && oid === after.commit);
  const byTag = Map.groupBy(rows, ({ tag }) => tag);
  return [...readStatuses(after)].flatMap(([name, status]) => {
    const tag = tagOf(name);
    const released = byTag.get(tag);
    if (!released) return [];
    const said = Object.entries(RESTATED) as [keyof typeof RESTATED, HookEventType][];
    return said.flatMap(([word, type]) => {
      const statement = status[word];
      if (!statement || known.get(name)?.[word]) return [];
      const event = describe(tag, released, by?.actor ?? NOBODY);
      return [{ ...event, type, data: { ...event.data, reason: statement.reason } }];
    });
  });
}

function describe(tag: string, rows: readonly ReleaseRow[], by: string) {
  const releaseId = tag.startsWith(NAMED_RELEASE_PREFIX)
    ? tag.slice(NAMED_RELEASE_PREFIX.length)
    : tag;
  const plugins = rows.map(({ plugin: pluginId, version, contentDigest }) => ({
    pluginId,
    version,
    contentDigest,
  }));
  return { plugins: rows.map(({ plugin }) => plugin), data: { releaseId, plugins, by } };
}

/** Of a status's name: `<plugin>/<version>`, or a named release's. */
function tagOf(name: string): string {
  const [plugin, version] = name.split('/') as [string, string?];
  return version === undefined ? `${NAMED_RELEASE_PREFIX}${name}` : versionTag(plugin, version);
}
