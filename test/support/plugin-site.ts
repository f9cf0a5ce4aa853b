import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { archiveOf } from '../../cli/plugin/archive.ts';
import { packPlugin } from '../../cli/plugin/pack.ts';
import { temporaryFolder } from './git.ts';
import { type OrgApi, openOrg } from './org-api.ts';
import { packPlugin as packByHand, plainManifest, type WrittenPlugin } from './plugins.ts';
import { askRaw, type RawAnswer } from './raw-request.ts';
import { type RunningServer, startServer } from './server.ts';
import { smallRegistry } from './small-registry.ts';

/** As an author has it, to be made a package by `waymark plugin pack`. */
export interface AuthoredPlugin {
  /** What `plugin.json` has beside, or instead of, what every one has. */
  manifest: Readonly<Record<string, unknown>> & { id: string };
  /** `plugin.js`. */
  module: string;
  /** Other ids that the same package lies there by. */
  copies?: readonly string[];
}

export interface PluginSiteOptions {
  authored: readonly AuthoredPlugin[];
  /** Such as the packer would refuse. */
  byHand?: readonly WrittenPlugin[];
  /** `spec.plugins` of `registry.yaml`. */
  bindings: Readonly<Record<string, object>>;
  /** More of `registry.yaml`'s `spec`. */
  spec?: object;
  /** More of the registry. */
  files?: Readonly<Record<string, string>>;
  env?: Record<string, string>;
}

export type Sent = NonNullable<Parameters<typeof askRaw>[2]>;

/** A server process with packages in its folder, and one organisation, `tools`. */
export interface PluginSite {
  server: RunningServer;
  org: OrgApi;
  ask(path: string, sent?: Sent): Promise<RawAnswer>;
  /** Below `/v0/management`, with its key. */
  manage(path: string, sent?: Sent): Promise<RawAnswer>;
  close(): Promise<void>;
}

const MANAGEMENT_KEY = 'the-management-key-of-this-site';

export async function openPluginSite(options: PluginSiteOptions): Promise<PluginSite> {
  const { authored, byHand = [], env = {} } = options;
  const dir = await temporaryFolder('waymark-packages-');
  for (const plugin of authored) await pack(dir, plugin);
  for (const plugin of byHand) await packByHand(dir, plugin);
  const server = await startServer({
    env: {
      WAYMARK_EXAMPLE_ORG: '',
      WAYMARK_PLUGINS_DIR: dir,
      WAYMARK_PLUGINS_ALLOW_UNSIGNED: '1',
      WAYMARK_MANAGEMENT_KEY: MANAGEMENT_KEY,
      ...env,
    },
  });
  const files = registryOf(options);
  const org = await openOrg({ url: server.url, admin: server.adminKey }, { files });
  const ask = (path: string, sent?: Sent) => askRaw(server.url, path, sent);
  return {
    server,
    org,
    ask,
    manage: (path, { headers, ...sent } = {}) =>
      ask(`/v0/management${path}`, {
        ...sent,
        headers: { 'x-management-key': MANAGEMENT_KEY, ...headers },
      }),
    async close() {
      await org.close();
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export function registryOf({ bindings, spec = {}, files = {} }: Partial<PluginSiteOptions>) {
  const registry = document('Registry', { plugins: bindings ?? {}, ...spec });
  return { ...smallRegistry, 'registry.yaml': registry, ...files };
}

export const document = (kind: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'waymark/v1', kind, spec });

/** By the packer that authors have. */
async function pack(dir: string, { manifest, module, copies = [] }: AuthoredPlugin): Promise<void> {
  const folder = await temporaryFolder('waymark-author-');
  try {
    await mkdir(join(folder, 'src'));
    const written = { ...plainManifest(), capabilities: undefined, ...manifest };
    await writeFile(join(folder, 'plugin.json'), JSON.stringify(written));
    await writeFile(join(folder, 'src/plugin.js'), module);
    const { files } = await packPlugin(folder);
    for (const id of [manifest.id, ...copies]) {
      const own = JSON.stringify({ ...JSON.parse(String(files.get('plugin.json'))), id });
      const archive = await archiveOf(new Map([...files, ['plugin.json', Buffer.from(own)]]));
      await writeFile(join(dir, `${id}.tar.gz`), archive);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

export const bodyOf = ({ text }: RawAnswer) => JSON.parse(text) as Record<string, unknown>;

/** Status and code of the server's own refusal. */
export const outcomeOf = (answer: RawAnswer) => [answer.status, bodyOf(answer)['code']];
