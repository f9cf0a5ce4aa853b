import { LRUCache } from 'lru-cache';
import type { BundleFormat } from '../delivery/bundle.ts';
import type { ReadyBundle } from '../delivery/bundle-cache.ts';
import { findBase } from '../delivery/pinned.ts';
import { type Asker, fromRelease, resolveAll, resolveChannelFor } from '../delivery/resolve.ts';
import type { ManifestAnswer, OrgDelivery } from '../delivery/service.ts';
import { parseFormat, parseLayout } from '../delivery/service.ts';
import { signBody } from '../delivery/signed.ts';
import type { View } from '../delivery/view.ts';
import type { Caller } from '../identity/caller.ts';
import { hexOf, isDigest } from '../model/digest.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import { filesOf } from '../model/object.ts';
import { checkRecipientKey, type RecipientKey } from '../signing/recipient.ts';
import { IMMUTABLE, PRIVATE, placeHeaders, writePrepared, writeStream } from './delivery-answer.ts';
import {
  askerOf,
  BASE,
  type DeliveryRouteDeps,
  deliveryOf,
  read,
  selectorOf,
} from './delivery-context.ts';
import { lifetime, type Picked, pickPlugin, yankWarning } from './delivery-documents.ts';
import { bundleQuery, bytesAnswers } from './delivery-shapes.ts';
import { type Call, type Route, route } from './route.ts';

const TYPES: Record<BundleFormat, string> = {
  'tar.gz': 'application/gzip',
  zip: 'application/zip',
};

export function downloadRoutes(deps: DeliveryRouteDeps): Route[] {
  const { deliveries } = deps;
  return [
    ...[
      `${BASE}/plugins/:plugin/download`,
      `${BASE}/plugins/:plugin/releases/:release/download`,
    ].map((path) =>
      route({
        ...read,
        path,
        summary: 'Gives a plugin’s files as one archive; encrypted for a client with a key.',
        query: bundleQuery,
        answers: bytesAnswers,
        deadlineMs: null,
        async handle(call) {
          const { plugin, release } = call.params as { plugin: string; release?: string };
          const query = new URLSearchParams(call.query);
          if (release !== undefined) query.append('release', release);
          const delivery = deliveryOf(deliveries, call.org);
          const picked = await pickPlugin(delivery, call.caller, plugin, query);
          const manifest = await delivery.manifest(
            picked.choice,
            picked.selector,
            parseLayout(query.get('layout')),
          );
          await sendBundle(deps, call as Call, query, { delivery, picked, manifest });
          return undefined;
        },
      }),
    ),
    route({
      ...read,
      path: `${BASE}/config-objects/:id/download`,
      summary: 'Gives one object’s files.',
      query: bundleQuery,
      answers: bytesAnswers,
      deadlineMs: null,
      async handle(call) {
        await downloadObject(deps, call as Call, call.params.id);
        return undefined;
      },
    }),
    route({
      ...read,
      path: `${BASE}/blobs/sha256/:digest`,
      summary: 'Gives one file by its digest.',
      answers: bytesAnswers,
      deadlineMs: null,
      async handle(call) {
        await sendBlob(deliveryOf(deliveries, call.org), call as Call, call.params.digest);
        return undefined;
      },
    }),
  ];
}

interface BundleRequest {
  delivery: OrgDelivery;
  picked: Picked;
  manifest: ManifestAnswer;
}

async function sendBundle(
  { bundles }: DeliveryRouteDeps,
  { caller, request, response }: Call,
  query: URLSearchParams,
  { delivery, picked, manifest }: BundleRequest,
): Promise<void> {
  const { view, choice, selector } = picked;
  const format = parseFormat(query.get('format'));
  const since = query.get('since');
  // A base that nobody has any more is no error: the whole bundle is sent.
  const base =
    since === null ? undefined : await findBase(delivery.runtime, view, choice.plugin, since);
  const isDelta = base && manifest.manifest.layout === 'raw';
  const order = delivery.bundleOrder(manifest, format, isDelta ? base : undefined);
  const recipient = await recipientOf(delivery, caller, query.get('encryption'));
  const bundle = recipient
    ? await bundles.sealed(order, delivery.runtime.keyring, recipient)
    : await bundles.plain(order);
  const name = `${choice.plugin}-${choice.version}.${format}${recipient ? '.gpg' : ''}`;
  await writeStream(request, response, bundle, {
    'Content-Type': recipient ? 'application/octet-stream' : TYPES[format],
    'Content-Disposition': `attachment; filename="${name}"`,
    'Cache-Control': PRIVATE,
    ...lifetime(selector),
    ...yankWarning(view, choice),
    ...placeHeaders(view),
    'X-Waymark-Content-Digest': choice.contentDigest,
    ...(isDelta ? { 'X-Waymark-Delta-Base': base.content.contentDigest } : {}),
  });
}

const recipients = new LRUCache<string, RecipientKey>({ max: 10_000 });

/** Whom to encrypt to; undefined: send it plain. The org's setting comes before the caller's wish. */
async function recipientOf(
  delivery: OrgDelivery,
  { client }: Caller,
  wish: string | null,
): Promise<RecipientKey | undefined> {
  if (wish !== null && wish !== 'openpgp' && wish !== 'none') {
    throw invalidField('encryption', 'openpgp or none');
  }
  const { encryption } = delivery.runtime.view;
  const armored = client?.publicKey ?? undefined;
  if (wish === 'none' && encryption === 'required') throw keyRequired('encryption=none');
  if (armored === undefined) {
    if (encryption === 'required' || wish === 'openpgp')
      throw keyRequired('a bundle without a key');
    return undefined;
  }
  if (wish === 'none' || (encryption === 'off' && wish !== 'openpgp')) return undefined;
  let recipient = recipients.get(armored);
  if (!recipient) {
    recipient = await checkRecipientKey(armored);
    recipients.set(armored, recipient);
  }
  return recipient;
}

function keyRequired(what: string): WaymarkError {
  return new WaymarkError(
    'DELIVERY_KEY_REQUIRED',
    `${what} is not delivered here: enrol a client with an OpenPGP public key`,
  );
}

function refusePlain({ runtime }: OrgDelivery, what: string): void {
  if (runtime.view.encryption === 'required') throw keyRequired(what);
}

async function sendBlob(
  delivery: OrgDelivery,
  { caller, request, response }: Call,
  digest: string,
): Promise<void> {
  refusePlain(delivery, 'a blob');
  const hex = digest.replace(/^sha256:/, '');
  const wanted = `sha256:${hex}`;
  if (!isDigest(wanted)) throw invalidField('digest', '64 lower-case hex digits');
  const commit = await findHolder(delivery, caller, wanted);
  if (commit === undefined) throw new WaymarkError('RES_NOT_FOUND', `no blob ${digest}`);
  const bytes = await delivery.readContent(wanted, commit);
  const blob: ReadyBundle = {
    etag: `"${hex}"`,
    size: bytes.length,
    read: async function* (start, end) {
      yield bytes.subarray(start, end);
    },
  };
  await writeStream(request, response, blob, {
    'Content-Type': 'application/octet-stream',
    'Cache-Control': IMMUTABLE,
    ...placeHeaders(delivery.runtime.view),
  });
}

/** Digest → a commit that holds it. */
type Holders = ReadonlyMap<string, string>;

const holdersByView = new WeakMap<View, Map<string, Promise<Holders>>>();

/** A blob is given to whoever may have a plugin that holds it, rolling or in any release. */
async function findHolder(
  delivery: OrgDelivery,
  caller: Caller,
  digest: string,
): Promise<string | undefined> {
  const { view } = delivery.runtime;
  const asker = askerOf(caller);
  const byClass = holdersByView.get(view) ?? new Map<string, Promise<Holders>>();
  holdersByView.set(view, byClass);
  const key = view.access.classOf(asker);
  const holders = byClass.get(key) ?? visibleHolders(delivery, view, asker);
  byClass.set(key, holders);
  holders.catch(() => byClass.delete(key));
  return (await holders).get(digest);
}

async function visibleHolders(delivery: OrgDelivery, view: View, asker: Asker): Promise<Holders> {
  const holders = new Map<string, string>();
  const choices = [
    ...resolveChannelFor(view, 'rolling', asker).values(),
    ...[...view.releases]
      .filter(([plugin]) => view.access.roleOn(plugin, asker))
      .flatMap(([, rows]) => rows.map(fromRelease)),
  ];
  for (const choice of choices) {
    const { content, commit } = await delivery.recordOf(choice);
    for (const { digest } of filesOf(content)) holders.set(digest, commit);
  }
  return holders;
}

/** One object by itself: its files, its item of the manifest, signed like a manifest. */
async function downloadObject(deps: DeliveryRouteDeps, call: Call, id: string): Promise<void> {
  const { caller, query, request, response } = call;
  const delivery = deliveryOf(deps.deliveries, call.org);
  const { runtime } = delivery;
  const { view } = runtime;
  const selector = selectorOf(query, caller);
  const choices = await resolveAll(runtime, view, selector, askerOf(caller));
  for (const choice of choices.values()) {
    const record = await delivery.recordOf(choice);
    const object = record.content.objects.find((one) => one.id === id);
    if (!object) continue;
    if (query.get('format') === 'raw') {
      refusePlain(delivery, 'format=raw');
      const [file] = object.files;
      if (!file || object.files.length > 1)
        throw invalidField('format', `${id} is more than one file`);
      const body = await delivery.readContent(file.digest, record.commit);
      const headers = {
        'Content-Type': 'application/yaml; charset=utf-8',
        'Cache-Control': PRIVATE,
        ETag: `"${hexOf(file.digest)}"`,
        ...placeHeaders(view),
      };
      return writePrepared(request, response, { status: 200, headers, body });
    }
    const whole = await delivery.manifest(choice, selector, parseLayout(query.get('layout')));
    const manifest = await objectManifest(delivery, whole, id);
    const picked = { view, choice, selector };
    return await sendBundle(deps, call, query, { delivery, picked, manifest });
  }
  throw new WaymarkError('RES_NOT_FOUND', `no config object ${id}`);
}

async function objectManifest(
  delivery: OrgDelivery,
  whole: ManifestAnswer,
  id: string,
): Promise<ManifestAnswer> {
  const i = whole.record.content.objects.findIndex((object) => object.id === id);
  const item = whole.manifest.items[i]!;
  const manifest = { ...whole.manifest, items: [item], files: [] };
  const signed = await signBody(
    delivery.runtime.keyring,
    'release',
    Buffer.from(JSON.stringify(manifest)),
  );
  const object = whole.record.content.objects[i]!;
  const content = { ...whole.record.content, objects: [object], files: [] };
  const rendered = whole.rendered && { items: [whole.rendered.items[i]!], files: [] };
  return { ...signed, manifest, record: { ...whole.record, content }, rendered };
}
