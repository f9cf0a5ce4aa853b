import { mkdir } from 'node:fs/promises';
import { v7 as uuidv7 } from 'uuid';
import { createRepository, deleteRepository, repositoryPath } from '../git/repository.ts';
import { importFolder } from '../git/write.ts';
import type { Org, OrgStore } from '../identity/org.ts';
import { checkSettings, type UpstreamRequest } from '../mirror/settings.ts';
import {
  auditedUpstream,
  NEVER_SYNCED,
  type UpstreamSettings,
  type UpstreamStore,
} from '../mirror/upstream.ts';
import { toTime } from '../model/clock.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import { isOrgSlug, ZERO_OID } from '../model/names.ts';
import type { OutboundPolicy } from '../outbound/guard.ts';
import { generateOrgKeys, openKeyring } from '../signing/org-keys.ts';
import { createRoot } from '../signing/root.ts';
import { OrgRuntime, type RuntimeDeps } from './runtime.ts';

export interface RuntimesDeps extends RuntimeDeps {
  orgs: OrgStore;
  dataDir: string;
  /** The registry that an org with `initial: template` starts with. */
  templateDir: string;
  upstreams: Pick<UpstreamStore, 'insert'>;
  outbound: OutboundPolicy;
}

export interface NewOrg {
  slug: string;
  name: string;
  initial: 'template' | 'empty';
  mode: Org['mode'];
  /** Of a mirror. */
  upstream?: UpstreamRequest | undefined;
  actor: string;
  requestId?: string;
}

export interface OrgRemoval extends Who {
  slug: string;
  ifMatch?: number | undefined;
}

export interface OrgChange extends OrgRemoval, Partial<Pick<Org, 'name' | 'tier'>> {}

const termsOf = ({ name, tier }: Org) => ({ name, tier });

/** Whom the audit log names for what is done. */
type Who = Pick<NewOrg, 'actor' | 'requestId'>;

const YEAR_MS = 365 * 86_400_000;
const RECONCILE_MS = 30_000;

/** Every org of this node. */
export class OrgRuntimes {
  readonly #deps: RuntimesDeps;
  readonly #bySlug = new Map<string, OrgRuntime>();
  readonly #listeners: ((runtime: OrgRuntime) => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: RuntimesDeps) {
    this.#deps = deps;
  }

  /** Finishes what a crash left half made or half deleted, then serves the rest. */
  async start(): Promise<void> {
    await mkdir(this.#deps.dataDir, { recursive: true });
    for (const org of await this.#deps.orgs.list()) {
      if (org.state === 'active') await this.#open(org);
      else await this.#discard(org, { actor: 'system:reconciler' });
    }
    this.#timer = setInterval(() => void this.reconcile(), RECONCILE_MS).unref();
  }

  find(slug: string): OrgRuntime | undefined {
    return this.#bySlug.get(slug);
  }

  all(): OrgRuntime[] {
    return [...this.#bySlug.values()];
  }

  /** Called for every org, now and when one is created. */
  onOpen(listener: (runtime: OrgRuntime) => void): void {
    this.#listeners.push(listener);
    for (const runtime of this.#bySlug.values()) listener(runtime);
  }

  /** Completes interrupted projections of every org. One org's fault does not stop the others. */
  async reconcile(): Promise<void> {
    for (const runtime of this.#bySlug.values()) {
      await this.#follow(runtime).catch((error: unknown) => {
        this.#deps.log.error({ org: runtime.org.slug, error }, 'reconciling failed');
      });
    }
  }

  /** @throws {WaymarkError} `VAL_FAILED`, `RES_DUPLICATE`, `UPSTREAM_REFUSED` */
  async create(wanted: NewOrg): Promise<Org> {
    const { slug, name, initial, mode, actor, requestId } = wanted;
    if (!isOrgSlug(slug)) {
      throw invalidField('slug', 'lower-case letters, digits and single hyphens, at most 63');
    }
    const upstream = await this.#checkUpstream(wanted);
    const { orgs, clock } = this.#deps;
    const at = toTime(clock());
    const org: Org = {
      slug,
      name,
      uid: uuidv7(),
      repoUid: uuidv7(),
      mode,
      state: 'creating',
      tier: 'standard',
      createdAt: at,
      version: 1,
    };
    const who = { actor, ...(requestId && { requestId }) };
    const entry = { at, tenant: slug, ...who, action: 'org.create', resource: slug };
    if (!(await orgs.insert(org, entry))) {
      throw new WaymarkError('RES_DUPLICATE', `the organisation ${slug} exists already`);
    }
    try {
      if (upstream) await this.#storeUpstream(org, upstream, who);
      await this.#build(org, initial, who);
    } catch (error) {
      await this.#discard(org, who);
      throw error;
    }
    await orgs.setState(slug, 'active', { ...entry, action: 'org.activate' });
    await this.#open({ ...org, state: 'active' });
    return { ...org, state: 'active' };
  }

  async #checkUpstream({ mode, initial, upstream }: NewOrg) {
    if (mode === 'hosted') {
      if (upstream) throw invalidField('upstream', 'is for mirrors: add "mode": "mirror"');
      return undefined;
    }
    if (initial !== 'empty') {
      throw invalidField('initial', 'a mirror starts with what its upstream has: leave it out');
    }
    if (!upstream) throw invalidField('upstream', 'is missing: a mirror follows one', 'required');
    return await checkSettings(upstream, this.#deps.outbound);
  }

  async #storeUpstream({ slug, createdAt: at }: Org, settings: UpstreamSettings, who: Who) {
    const entry = {
      at,
      tenant: slug,
      ...who,
      action: 'upstream.set',
      after: auditedUpstream(settings),
    };
    const upstream = { org: slug, ...settings, version: 1, ...NEVER_SYNCED, lastWriteError: null };
    await this.#deps.upstreams.insert(upstream, { ...entry, resource: slug });
  }

  async #build(org: Org, initial: NewOrg['initial'], who: Who): Promise<void> {
    const { dataDir, keys, master, clock, templateDir } = this.#deps;
    const repo = repositoryPath(dataDir, org.slug);
    // What an earlier org of this name left, were it ever only half deleted.
    await deleteRepository(repo).catch(() => {});
    await createRepository(repo);
    const now = clock();
    const at = toTime(now);
    const orgKeys = await generateOrgKeys({ org: org.slug, at }, master);
    const terms = {
      org: org.slug,
      orgUid: org.uid,
      issuedAt: at,
      expiresAt: toTime(now + YEAR_MS),
      custody: 'server' as const,
    };
    const root = await createRoot(terms, orgKeys, openKeyring(orgKeys, master));
    const change = { org: org.slug, add: orgKeys, retire: [], forget: [], at, root };
    const what = { action: 'keys.create', resource: `root/${root.version}` };
    await keys.rotate(change, { at, tenant: org.slug, ...who, ...what });
    if (initial === 'empty') return;
    const author = { name: 'Waymark', email: 'waymark@waymark.invalid' };
    const message = 'Start the registry from the template\n';
    const commit = await importFolder({ repo, dir: templateDir, message, author, at: now });
    const runtime = new OrgRuntime(org, repo, this.#deps);
    try {
      await runtime.reloadKeys();
      const update = { ref: 'refs/heads/main', old: ZERO_OID, new: commit };
      await runtime.moveRef(update, { ...who, action: 'registry.create' });
    } finally {
      runtime.close();
    }
  }

  /**
   * Changes what an org is called, and how much it may ask.
   *
   * @throws {WaymarkError} `RES_NOT_FOUND`, `RES_VERSION_CONFLICT`
   */
  async change({ slug, ifMatch, actor, requestId, ...changes }: OrgChange): Promise<Org> {
    const { orgs, clock } = this.#deps;
    const before = await this.#find(slug, ifMatch);
    const org = { ...before, ...changes, version: before.version + 1 };
    const who = { actor, ...(requestId && { requestId }) };
    const what = {
      action: 'org.change',
      resource: slug,
      before: termsOf(before),
      after: termsOf(org),
    };
    const entry = { at: toTime(clock()), tenant: slug, ...who, ...what };
    if (!(await orgs.replace(org, before.version, entry))) throw changedMeanwhile(slug);
    const runtime = this.#bySlug.get(slug);
    if (runtime) runtime.org = org;
    return org;
  }

  /** @throws {WaymarkError} `RES_NOT_FOUND`, `RES_VERSION_CONFLICT` */
  async remove({ slug, ifMatch, actor, requestId }: OrgRemoval): Promise<void> {
    const org = await this.#find(slug, ifMatch);
    const who = { actor, ...(requestId && { requestId }) };
    const at = toTime(this.#deps.clock());
    const entry = { at, tenant: slug, ...who, action: 'org.delete', resource: slug };
    await this.#deps.orgs.setState(slug, 'deleting', entry);
    await this.#discard(org, who);
  }

  async #find(slug: string, ifMatch: number | undefined): Promise<Org> {
    const org = await this.#deps.orgs.find(slug);
    if (!org) throw new WaymarkError('RES_NOT_FOUND', `there is no organisation ${slug}`);
    if (ifMatch !== undefined && ifMatch !== org.version) throw changedMeanwhile(slug);
    return org;
  }

  async #discard({ slug }: Org, who: Who): Promise<void> {
    const runtime = this.#bySlug.get(slug);
    this.#bySlug.delete(slug);
    runtime?.close();
    await deleteRepository(repositoryPath(this.#deps.dataDir, slug)).catch((error: unknown) => {
      this.#deps.log.error({ org: slug, error }, 'the repository could not be deleted');
    });
    const at = toTime(this.#deps.clock());
    const entry = { at, tenant: slug, ...who, action: 'org.remove', resource: slug };
    await this.#deps.orgs.remove(slug, entry);
  }

  /** Takes over what another node changed, rotated or pushed, and what a crash interrupted. */
  async #follow(runtime: OrgRuntime): Promise<void> {
    const org = await this.#deps.orgs.find(runtime.org.slug);
    if (org) runtime.org = org;
    await runtime.reloadKeys();
    await runtime.follow();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const runtime of this.#bySlug.values()) runtime.close();
    this.#bySlug.clear();
  }

  async #open(org: Org): Promise<void> {
    const runtime = new OrgRuntime(org, repositoryPath(this.#deps.dataDir, org.slug), this.#deps);
    await runtime.start();
    this.#bySlug.set(org.slug, runtime);
    for (const listener of this.#listeners) listener(runtime);
  }
}

const changedMeanwhile = (slug: string): WaymarkError =>
  new WaymarkError(
    'RES_VERSION_CONFLICT',
    `the organisation ${slug} has changed: read it, then retry`,
  );
