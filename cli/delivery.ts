import { Failure, VerificationError } from './errors.ts';
import { type Answer, type Connection, request } from './http.ts';

/** Exact bytes and the binary detached signature that came with them. Not yet verified. */
export interface SignedDocument {
  body: Buffer;
  signature: Buffer;
  url: string;
  /** What the server has to say about it, such as that it is yanked. */
  warning?: string;
}

/** Endless data: the most that each kind of document may have. */
const LIMIT_BYTES = {
  root: 256 * 1024,
  index: 4 * 1024 * 1024,
  manifest: 4 * 1024 * 1024,
  tag: 256 * 1024,
  answer: 4 * 1024 * 1024,
} as const;

export interface ReleaseListing {
  plugin: string;
  version: string;
  tag: string;
  seq: number;
  yanked: boolean;
}

export interface Update {
  pluginId: string;
  op: 'install' | 'update' | 'remove' | 'rollback';
  reason: string;
  from?: { version?: string };
  to?: { version?: string };
}

/** The delivery routes of one org, as `docs/spec/delivery.md` names them. */
export interface Delivery {
  readonly connection: Connection;
  root(version?: number): Promise<SignedDocument>;
  index(channel: string): Promise<SignedDocument>;
  manifest(plugin: string, selector: Selector, layout: string): Promise<SignedDocument>;
  tag(plugin: string, release: string): Promise<Buffer>;
  releases(plugin: string): Promise<ReleaseListing[]>;
  enrol(application: Application): Promise<Enrolled>;
  reportState(clientId: string, report: unknown): Promise<void>;
  checkUpdates(clientId: string, installed: unknown): Promise<Update[]>;
}

/** Either what a channel resolves to, held to what the index named, or one release. */
export type Selector = { channel: string; contentDigest: string } | { release: string };

export interface Application {
  name: string;
  labels: Record<string, string>;
  /** Armored; left out by a client that takes plain bundles. */
  publicKey?: string;
  channel?: string;
}

export interface Enrolled {
  clientId: string;
  token: string;
  root: { version: number; sha256: string };
}

export const deliveryPath = (org: string): string => `/v1/orgs/${org}/delivery`;

export function createDelivery(connection: Connection, org: string): Delivery {
  const base = deliveryPath(org);

  const signed = async (
    path: string,
    limitBytes: number,
    query: Record<string, string> = {},
  ): Promise<SignedDocument> =>
    toSigned(await request(connection, { path: base + path, query, limitBytes }));

  const json = async (path: string, query: Record<string, string> = {}): Promise<unknown> =>
    parseAnswer(
      await request(connection, { path: base + path, query, limitBytes: LIMIT_BYTES.answer }),
    );

  const post = async (path: string, body: unknown): Promise<unknown> => {
    const asked = { method: 'POST', path: base + path, body, limitBytes: LIMIT_BYTES.answer };
    return parseAnswer(await request(connection, asked));
  };

  return {
    connection,
    root: (version) =>
      signed(version === undefined ? '/root' : `/root/${version}`, LIMIT_BYTES.root),
    index: (channel) => signed('/index', LIMIT_BYTES.index, { channel }),
    manifest: (plugin, selector, layout) =>
      signed(manifestPath(plugin, selector), LIMIT_BYTES.manifest, {
        ...('release' in selector ? {} : selector),
        layout,
      }),

    async tag(plugin, release) {
      const path = `${base}/plugins/${plugin}/releases/${encodeURIComponent(release)}/tag`;
      return (await request(connection, { path, limitBytes: LIMIT_BYTES.tag })).body;
    },

    async releases(plugin) {
      const items: ReleaseListing[] = [];
      for (let cursor = ''; ; ) {
        const page = (await json(`/plugins/${plugin}/releases`, cursor ? { cursor } : {})) as {
          items: ReleaseListing[];
          nextCursor: string | null;
        };
        items.push(...page.items);
        if (!page.nextCursor) return items;
        cursor = page.nextCursor;
      }
    },

    enrol: async (application) => (await post('/clients', application)) as Enrolled,
    reportState: async (clientId, report) =>
      void (await post(`/clients/${clientId}/state`, report)),
    checkUpdates: async (clientId, installed) => {
      const answer = await post(`/clients/${clientId}/check-updates`, { installed });
      return (answer as { updates: Update[] }).updates;
    },
  };
}

function manifestPath(plugin: string, selector: Selector): string {
  if (!('release' in selector)) return `/plugins/${plugin}/manifest`;
  return `/plugins/${plugin}/releases/${encodeURIComponent(selector.release)}/manifest`;
}

function toSigned({ url, body, headers }: Answer): SignedDocument {
  const signature = headers.get('x-waymark-signature');
  // Stripped: without a signature there is nothing to fall back to.
  if (!signature) throw new VerificationError('SIGNATURE_INVALID', `${url} came unsigned`);
  const warning = textOfWarning(headers.get('warning'));
  const document = { url, body, signature: Buffer.from(signature, 'base64') };
  return warning ? { ...document, warning } : document;
}

/** `299 - "text"`, as RFC 7234 writes it. */
const textOfWarning = (header: string | null): string | undefined =>
  header === null ? undefined : (/^\d{3} \S+ "(.*)"$/.exec(header)?.[1] ?? header);

function parseAnswer({ url, body, status }: Answer): unknown {
  if (status === 204 || body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString());
  } catch (cause) {
    throw new Failure(`${url} did not answer with JSON: is it a Waymark server?`, { cause });
  }
}
