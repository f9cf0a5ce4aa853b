import type { QuarantineStore } from '../delivery/quarantine.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import { ORG_FIELDS, type Org, type OrgStore, TIERS, type Tier } from '../identity/org.ts';
import type { UpstreamRequest } from '../mirror/settings.ts';
import { jsonBody } from './json-body.ts';
import { listingOf, pagedAnswer } from './listing.ts';
import { type Route, route } from './route.ts';
import { objectOf, text, time, timeOrNull, whole } from './shapes.ts';
import { noSuchOrg } from './tenant.ts';
import { upstreamSchema } from './upstream-body.ts';

interface NewOrg {
  slug: string;
  name?: string;
  mode?: Org['mode'];
  initial?: 'template' | 'empty';
  upstream?: UpstreamRequest;
}

interface OrgTerms {
  name?: string;
  tier?: Tier;
}

interface OrgRemoval {
  slug: string;
  ifMatch: number | undefined;
  actor: string;
  requestId: string;
}

interface OrgChange extends OrgTerms, OrgRemoval {}

/** What makes and ends orgs; every one has a repository, keys, and all that follows. */
export interface OrgLifecycle {
  create(
    org: Required<Omit<NewOrg, 'upstream'>> &
      Pick<NewOrg, 'upstream'> & { actor: string; requestId: string },
  ): Promise<Org>;
  change(change: OrgChange): Promise<Org>;
  remove(removal: OrgRemoval): Promise<void>;
}

interface Deps {
  orgs: Pick<OrgStore, 'find' | 'page'>;
  quarantines: Pick<QuarantineStore, 'find'>;
  lifecycle: OrgLifecycle;
  authenticator: Pick<Authenticator, 'invalidate'>;
}

const newOrgBody = jsonBody<NewOrg>({
  type: 'object',
  required: ['slug'],
  additionalProperties: false,
  properties: {
    slug: { type: 'string', maxLength: 63 },
    name: { type: 'string', minLength: 1, maxLength: 200 },
    mode: { enum: ['hosted', 'mirror'] },
    initial: { enum: ['template', 'empty'] },
    upstream: upstreamSchema,
  },
});

const orgTermsBody = jsonBody<OrgTerms>({
  type: 'object',
  minProperties: 1,
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 200 },
    tier: { enum: Object.keys(TIERS) },
  },
});

const orgFields = {
  slug: text,
  name: text,
  uid: text,
  repoUid: text,
  mode: { enum: ['hosted', 'mirror'] },
  state: { enum: ['creating', 'active', 'deleting'] },
  tier: { enum: Object.keys(TIERS) },
  createdAt: time,
  version: whole,
};
const orgShape = objectOf(orgFields);
/** `damagedSince`: when its repository was found damaged; nothing can be written until it is mended. */
const describedShape = objectOf({ ...orgFields, damagedSince: timeOrNull });
const example = {
  slug: 'acme',
  name: 'Acme',
  uid: '0b9f6d8e-3f0a-4a43-9d6c-7d1f1f0a2b11',
  repoUid: '5e2c1f6a-8a35-4f9d-8c11-2f7f3f0f9a22',
  mode: 'hosted',
  state: 'active',
  tier: 'standard',
  createdAt: '2026-11-21T06:53:57.831Z',
  version: 1,
};

const site = { permission: 'sites:manage', scope: 'site' } as const;

export function orgRoutes(deps: Deps): Route[] {
  return [...everyOrgRoutes(deps), ...oneOrgRoutes(deps)];
}

function everyOrgRoutes({ orgs, lifecycle }: Deps): Route[] {
  return [
    route({
      ...site,
      method: 'post',
      path: '/orgs',
      summary: 'Makes an organisation: its repository, its keys, its first root.',
      answers: { 201: { data: orgShape, example } },
      body: newOrgBody,
      async handle({ caller: { actor }, body, requestId }) {
        const { slug, name = slug, mode = 'hosted', upstream } = body;
        const { initial = mode === 'mirror' ? 'empty' : 'template' } = body;
        const wanted = {
          slug,
          name,
          mode,
          initial,
          actor,
          requestId,
          ...(upstream && { upstream }),
        };
        const org = await lifecycle.create(wanted);
        return { status: 201, body: org, headers: { Location: `/api/v1/orgs/${slug}` } };
      },
    }),
    route({
      ...site,
      method: 'get',
      path: '/orgs',
      summary: 'Lists the organisations.',
      fields: ORG_FIELDS,
      answers: { 200: { data: orgShape, isPage: true, example: [example] } },
      async handle({ query }) {
        const listing = listingOf(query, ORG_FIELDS, 'slug');
        return pagedAnswer(await orgs.page(listing), listing);
      },
    }),
  ];
}

function oneOrgRoutes({ orgs, quarantines, lifecycle, authenticator }: Deps): Route[] {
  async function getOrg(slug: string): Promise<Org> {
    const org = await orgs.find(slug);
    if (!org) throw noSuchOrg(slug);
    return org;
  }

  return [
    route({
      ...site,
      method: 'get',
      path: '/orgs/:slug',
      summary: 'Describes one organisation.',
      answers: { 200: { data: describedShape, example: { ...example, damagedSince: null } } },
      async handle({ params }) {
        const org = await getOrg(params.slug);
        const damagedSince = (await quarantines.find(org.slug))?.since ?? null;
        return { status: 200, body: { ...org, damagedSince } };
      },
    }),
    route({
      ...site,
      method: 'put',
      path: '/orgs/:slug',
      summary: 'Renames an organisation, or changes how much it may ask.',
      answers: { 200: { data: orgShape, example } },
      body: orgTermsBody,
      async handle({ params: { slug }, body, ifMatch, caller: { actor }, requestId }) {
        const org = await lifecycle.change({ ...body, slug, ifMatch, actor, requestId });
        return { status: 200, body: org };
      },
    }),
    route({
      ...site,
      method: 'delete',
      path: '/orgs/:slug',
      summary: 'Removes an organisation, with all that is its; its audit log stays.',
      answers: { 204: null },
      async handle({ caller: { actor }, params: { slug }, ifMatch, requestId }) {
        await lifecycle.remove({ slug, ifMatch, actor, requestId });
        // Its keys went with it.
        authenticator.invalidate();
        return { status: 204 };
      },
    }),
  ];
}
