import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { processesOf } from '../support/children.ts';
import { gitOutput, runGit } from '../support/git.ts';
import { ORG, type Site } from './site.ts';

/** One change of what is served, that may be tried again. */
export interface Attempt {
  ref: string;
  /** Rejects unless it was acknowledged. */
  run(): Promise<void>;
  /** Asked over HTTP. */
  isServed(): Promise<boolean>;
}

/** Prepares a change that nobody made yet. */
export type Deed = (site: Site, turn: number) => Promise<Attempt>;

const MAIN = 'refs/heads/main';

export const deeds = { push, edit, publish, yank } satisfies Record<string, Deed>;
export type DeedName = keyof typeof deeds;

async function push(site: Site, turn: number): Promise<Attempt> {
  const tree = await site.clone();
  const text = `Turn ${turn}.\n`;
  await writeFile(join(tree, README), text);
  await runGit(tree, ['commit', '-qam', `Turn ${turn}`]);
  return {
    ref: MAIN,
    run: async () => void (await gitOutput(tree, ['push', site.gitUrl(), 'HEAD:main'])),
    isServed: async () => (await readmeOf(site)) === text,
  };
}

async function edit(site: Site, turn: number): Promise<Attempt> {
  const content = `Turn ${turn}, by an edit.\n`;
  const operations = [{ op: 'upsert', path: README, content }];
  return {
    ref: MAIN,
    async run() {
      const base = await refOf(site, MAIN);
      const body = { base, message: `Turn ${turn}`, operations };
      const answer = await site.ask('/api/v1/changes', { body });
      const text = await answer.text();
      // Whoever does not know whether it was made finds that it is.
      if (!answer.ok && !text.includes('no_change')) throw new Error(`${answer.status} ${text}`);
    },
    isServed: async () => (await readmeOf(site)) === content,
  };
}

const README = 'plugins/sales/README.md';

async function readmeOf(site: Site): Promise<string> {
  const answer = await site.ask('plugins/sales/manifest?channel=rolling');
  const { files } = (await answer.json()) as { files: { path: string; digest: string }[] };
  const { digest } = files.find(({ path }) => path === 'README.md')!;
  const blob = await site.ask(`blobs/sha256/${digest.slice('sha256:'.length)}`);
  return blob.text();
}

async function publish(site: Site, turn: number): Promise<Attempt> {
  const version = `3.${turn}.0`;
  return {
    ref: `refs/tags/sales--v${version}`,
    run: () => must(site, '/api/v1/components/sales/versions', { version }),
    isServed: async () =>
      (await site.ask(`plugins/sales/releases/${version}/manifest`)).status === 200,
  };
}

async function yank(site: Site, turn: number): Promise<Attempt> {
  const path = '/api/v1/components/on-call/versions';
  const version = `3.${turn}.0`;
  await must(site, path, { version });
  return {
    ref: MAIN,
    run: () => must(site, `${path}/${version}/yank`, { reason: 'It pages the wrong people.' }),
    async isServed() {
      const answer = await site.ask(`${path}/${version}`);
      const { data } = (await answer.json()) as { data: { yanked: boolean } };
      return data.yanked;
    },
  };
}

async function must(site: Site, path: string, body: unknown): Promise<void> {
  const answer = await site.ask(path, { body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
}

export const refOf = (site: Site, ref: string): Promise<string> =>
  runGit(site.repo, ['for-each-ref', '--format=%(objectname)', ref]);

/** Git outlives its server for a moment; it has settled when none has the repository open. */
export async function gitHasEnded(site: Site): Promise<void> {
  await expect.poll(() => processesOf('receive-pack', site.repo)).toEqual([]);
}

/** What the database says of the refs, and what they are. */
export async function projectionAndRefs(site: Site) {
  const [rolling] = site.query<{ desired: string; active: string }>(
    `select desired, active from active_pointer where org = ? and channel = 'rolling'`,
    ORG,
  );
  const rows = site.query<{ tag: string; oid: string }>(
    'select distinct tag, tag_oid as oid from release where org = ?',
    ORG,
  );
  const list = await runGit(site.repo, [
    'for-each-ref',
    '--format=%(objectname) %(refname:lstrip=2)',
    'refs/tags',
  ]);
  const head = await refOf(site, MAIN);
  const projected = rows.map(({ tag, oid }) => `${oid} ${tag}`);
  return {
    projection: { ...rolling, tags: projected.sort() },
    refs: { desired: head, active: head, tags: list.split('\n').sort() },
  };
}

/** What the audit log tells of changes to the registry, after its entry number `after`. */
export const audited = (site: Site, after: number): { resource: string; after: string }[] =>
  site.query(
    `select resource, json_extract(after, '$') as after from audit
     where tenant = ? and sequence > ${after}
     and action in ('git.push', 'registry.edit', 'release.publish', 'release.yank')`,
    ORG,
  );

export function auditLength(site: Site): number {
  const [row] = site.query<{ length: number }>(
    'select max(sequence) as length from audit where tenant = ?',
    ORG,
  );
  return row!.length;
}

/** Throws for whatever git finds wrong. */
export const fsck = (site: Site): Promise<string> =>
  runGit(site.repo, ['fsck', '--strict', '--no-dangling']);
