import type { ReleaseRow } from '../delivery/publication.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import { isYanked } from '../delivery/view.ts';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { NAMED_RELEASE_PREFIX } from '../model/names.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import { type Publishing, publishNamed, publishVersion } from '../release/publish.ts';
import { setYanked } from '../release/yank.ts';
import { listReleases } from './delivery-catalogue-routes.ts';
import { releaseShape } from './delivery-shapes.ts';
import { jsonBody } from './json-body.ts';
import { pageOf } from './pagination.ts';
import {
  listedExample,
  namedExample,
  namedShape,
  publishedAnswer,
  yankAnswer,
} from './release-shapes.ts';
import { type Call, type Route, route } from './route.ts';
import { noSuchOrg } from './tenant.ts';

export interface ReleaseRouteDeps {
  runtimes: OrgRuntimes;
  artifacts: ArtifactStore;
  clock: Clock;
}

const versionBody = jsonBody<{ version: string; commit?: string; notes?: string }>({
  type: 'object',
  required: ['version'],
  additionalProperties: false,
  properties: {
    version: { type: 'string', maxLength: 128 },
    commit: { type: 'string', maxLength: 40 },
    notes: { type: 'string', maxLength: 65_536 },
  },
});

interface NamedRelease {
  name: string;
  notes?: string;
  components: { componentId: string; version: string }[];
}

const releaseBody = jsonBody<NamedRelease>({
  type: 'object',
  required: ['name', 'components'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', maxLength: 128 },
    notes: { type: 'string', maxLength: 65_536 },
    components: {
      type: 'array',
      maxItems: 1000,
      items: {
        type: 'object',
        required: ['componentId', 'version'],
        additionalProperties: false,
        properties: { componentId: { type: 'string' }, version: { type: 'string' } },
      },
    },
  },
});

const yankBody = jsonBody<{ reason: string }>({
  type: 'object',
  required: ['reason'],
  additionalProperties: false,
  properties: { reason: { type: 'string', minLength: 1, maxLength: 2000 } },
});

export function releaseRoutes(deps: ReleaseRouteDeps): Route[] {
  const runtimeOf = (org: string): OrgRuntime => {
    const runtime = deps.runtimes.find(org);
    if (!runtime) throw noSuchOrg(org);
    return runtime;
  };
  const publishing: PublishingOf = ({ org, caller: { actor }, requestId }) => ({
    runtime: runtimeOf(org),
    artifacts: deps.artifacts,
    clock: deps.clock,
    actor,
    requestId,
  });
  return [
    ...versionRoutes(runtimeOf, publishing),
    ...yankRoutes(publishing),
    ...namedRoutes(runtimeOf, publishing),
  ];
}

type RuntimeOf = (org: string) => OrgRuntime;
type PublishingOf = (call: Pick<Call, 'org' | 'caller' | 'requestId'>) => Publishing;

const versions = '/components/:plugin/versions';
const version = `${versions}/:version` as const;

/** Releases of one plugin: `<plugin>--v<version>`. */
function versionRoutes(runtimeOf: RuntimeOf, publishing: PublishingOf): Route[] {
  return [
    route({
      method: 'post',
      path: versions,
      permission: 'releases:publish',
      summary: 'Publishes a plugin; 200 where it is there with the same content.',
      answers: { 200: publishedAnswer, 201: publishedAnswer },
      body: versionBody,
      async handle(call) {
        const { org, body } = call;
        const { plugin } = call.params;
        const wanted = { plugin, ...body };
        const { release, isNew } = await publishVersion(publishing(call), wanted);
        const Location = `/api/v1/components/${plugin}/versions/${release.version}`;
        return {
          status: isNew ? 201 : 200,
          headers: { Location },
          body: describe(runtimeOf(org), release),
        };
      },
    }),
    route({
      method: 'get',
      path: versions,
      permission: 'releases:read',
      summary: 'Lists a plugin’s releases, newest first.',
      answers: { 200: { data: releaseShape, isPage: true, example: [listedExample] } },
      async handle({ org, params: { plugin }, query }) {
        const { view } = runtimeOf(org);
        if (!view.releases.has(plugin) && !view.published.records.has(plugin)) {
          throw new WaymarkError('RES_NOT_FOUND', `no plugin ${plugin}`);
        }
        return pageOf(listReleases(view, plugin), query);
      },
    }),
    route({
      method: 'get',
      path: version,
      permission: 'releases:read',
      summary: 'Describes one release of a plugin.',
      answers: { 200: { data: releaseShape, example: listedExample } },
      async handle({ org, params }) {
        const { plugin, version } = params;
        const all = listReleases(runtimeOf(org).view, plugin);
        const found = all.find((one) => one.version === version);
        if (!found) throw new WaymarkError('RES_NOT_FOUND', `${plugin} has no release ${version}`);
        return { status: 200, body: found };
      },
    }),
  ];
}

/** Yanking leaves the tag alone: it is a commit to the registry. */
function yankRoutes(publishing: PublishingOf): Route[] {
  return [
    route({
      method: 'post',
      path: `${version}/yank`,
      permission: 'releases:publish',
      summary: 'Takes a release out of the channels; whoever names it still gets it.',
      answers: { 200: yankAnswer },
      body: yankBody,
      async handle(call) {
        const { plugin, version } = call.params;
        const { reason } = call.body;
        const commit = await setYanked(publishing(call), { plugin, version, reason });
        return { status: 200, body: { plugin, version, yanked: true, commit } };
      },
    }),
    route({
      method: 'post',
      path: `${version}/unyank`,
      permission: 'releases:publish',
      summary: 'Puts a release back into the channels.',
      answers: { 200: yankAnswer },
      async handle(call) {
        const { plugin, version } = call.params;
        const commit = await setYanked(publishing(call), { plugin, version, reason: null });
        return { status: 200, body: { plugin, version, yanked: false, commit } };
      },
    }),
  ];
}

/** Releases of several plugins together: `release/<name>`. */
function namedRoutes(runtimeOf: RuntimeOf, publishing: PublishingOf): Route[] {
  return [
    route({
      method: 'post',
      path: '/releases',
      permission: 'releases:publish',
      summary: 'Publishes versions of several plugins together; 200 where it is there already.',
      answers: {
        200: { data: namedShape, example: namedExample },
        201: { data: namedShape, example: namedExample },
      },
      body: releaseBody,
      async handle(call) {
        const { org, body } = call;
        const { isNew } = await publishNamed(publishing(call), body);
        const Location = `/api/v1/releases/${body.name}`;
        const status = isNew ? 201 : 200;
        return { status, headers: { Location }, body: describeNamed(runtimeOf(org), body.name) };
      },
    }),
    route({
      method: 'get',
      path: '/releases',
      permission: 'releases:read',
      summary: 'Lists the named releases.',
      answers: { 200: { data: namedShape, isPage: true, example: [namedExample] } },
      async handle({ org, query }) {
        const runtime = runtimeOf(org);
        const names = [...runtime.view.releasesByTag.keys()]
          .filter((tag) => tag.startsWith(NAMED_RELEASE_PREFIX))
          .map((tag) => tag.slice(NAMED_RELEASE_PREFIX.length));
        return pageOf(
          names.map((name) => describeNamed(runtime, name)),
          query,
        );
      },
    }),
    route({
      method: 'get',
      path: '/releases/:name',
      permission: 'releases:read',
      summary: 'Describes one named release.',
      answers: { 200: { data: namedShape, example: namedExample } },
      async handle({ org, params: { name } }) {
        return { status: 200, body: describeNamed(runtimeOf(org), name) };
      },
    }),
  ];
}

function describe({ view }: OrgRuntime, release: ReleaseRow) {
  const { plugin, version, tag, tagOid, seq, commit, tree, contentDigest, publishedAt, notes } =
    release;
  const yanked = isYanked(view, plugin, version);
  return {
    plugin,
    version,
    tag,
    tagOid,
    seq,
    commit,
    tree,
    contentDigest,
    publishedAt,
    notes,
    yanked,
  };
}

function describeNamed({ view }: OrgRuntime, name: string) {
  const rows = view.releasesByTag.get(`${NAMED_RELEASE_PREFIX}${name}`) ?? [];
  const [first] = rows;
  if (!first) throw new WaymarkError('RES_NOT_FOUND', `there is no release ${name}`);
  const { tag, tagOid, seq, publishedAt, notes } = first;
  const components = rows.map((row) => ({
    componentId: row.plugin,
    version: row.version,
    commit: row.commit,
    tree: row.tree,
    contentDigest: row.contentDigest,
  }));
  return { name, status: 'ready', tag, tagOid, seq, publishedAt, notes, components };
}
