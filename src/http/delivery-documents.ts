import { pinContent } from '../delivery/pinned.ts';
import { type Choice, isChoiceYanked, resolvePlugin } from '../delivery/resolve.ts';
import type { Selector } from '../delivery/selector.ts';
import {
  type ManifestAnswer,
  type OrgDelivery,
  parseContentDigest,
  parseLayout,
} from '../delivery/service.ts';
import type { SignedBody } from '../delivery/signed.ts';
import { etagOf } from '../delivery/signed.ts';
import type { View } from '../delivery/view.ts';
import type { Caller } from '../identity/caller.ts';
import { WaymarkError } from '../model/errors.ts';
import { armorSignature } from '../signing/org-keys.ts';
import {
  IMMUTABLE,
  JSON_TYPE,
  PRIVATE,
  type PreparedAnswer,
  placeHeaders,
  signedAnswer,
} from './delivery-answer.ts';
import { askerOf, seesDiagnostics, selectorOf } from './delivery-context.ts';

/** What a request for a plugin's document comes down to. */
export interface Picked {
  view: View;
  choice: Choice;
  selector: Selector;
}

export async function pickPlugin(
  delivery: OrgDelivery,
  caller: Caller,
  plugin: string,
  query: URLSearchParams,
): Promise<Picked> {
  const { view } = delivery.runtime;
  const selector = selectorOf(query, caller);
  const choice = await resolvePlugin(delivery.runtime, view, plugin, selector, askerOf(caller));
  const digest = query.get('contentDigest');
  if (digest === null) return { view, choice, selector };
  const pinned = await pinContent(delivery.runtime, view, choice, parseContentDigest(digest));
  return { view, choice: pinned, selector };
}

export async function manifestAnswer(
  delivery: OrgDelivery,
  caller: Caller,
  plugin: string,
  query: URLSearchParams,
): Promise<{ prepared: PreparedAnswer; manifest: ManifestAnswer }> {
  const { view, choice, selector } = await pickPlugin(delivery, caller, plugin, query);
  const manifest = await delivery.manifest(choice, selector, parseLayout(query.get('layout')));
  const headers = { ...yankWarning(view, choice), ...lifetime(selector) };
  return { prepared: signedAnswer(view, manifest, headers), manifest };
}

export async function indexAnswer(
  delivery: OrgDelivery,
  caller: Caller,
  query: URLSearchParams,
): Promise<PreparedAnswer> {
  const { view } = delivery.runtime;
  const selector = selectorOf(query, caller);
  if (selector.by !== 'channel') {
    throw new WaymarkError(
      'DELIVERY_SELECTOR',
      'an index is of a channel, not of a release or commit',
    );
  }
  const signed = await delivery.index(
    view,
    selector.name,
    askerOf(caller),
    seesDiagnostics(caller),
  );
  const wanted = query.get('plugins');
  return wanted === null ? signedAnswer(view, signed) : filtered(view, signed, wanted.split(','));
}

/** A part of an index proves nothing about the rest, so it is not signed. */
function filtered(
  view: View,
  { body, etag }: SignedBody,
  wanted: readonly string[],
): PreparedAnswer {
  const document = JSON.parse(body.toString()) as { plugins: Record<string, unknown> };
  const plugins = Object.fromEntries(
    Object.entries(document.plugins).filter(([id]) => wanted.includes(id)),
  );
  return jsonAnswer(view, { ...document, plugins }, etag);
}

/** The armored signature beside a document, for `gpg --verify`. */
export function signatureAnswer(
  view: View | undefined,
  { signature, etag }: SignedBody,
): PreparedAnswer {
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/pgp-signature',
      'Cache-Control': PRIVATE,
      ETag: etag,
      ...placeHeaders(view),
    },
    body: Buffer.from(armorSignature(signature)),
  };
}

/** An unsigned answer: its ETag is its bytes'. */
export function jsonAnswer(view: View, value: unknown, basis = ''): PreparedAnswer {
  const body = Buffer.from(JSON.stringify(value));
  return {
    status: 200,
    headers: {
      'Content-Type': JSON_TYPE,
      'Cache-Control': PRIVATE,
      ETag: etagOf(body, basis),
      ...placeHeaders(view),
    },
    body,
  };
}

export function yankWarning(view: View, choice: Choice): Record<string, string> {
  if (!isChoiceYanked(view, choice)) return {};
  return { Warning: `299 - "${choice.release!.tag} was yanked"` };
}

export const lifetime = (selector: Selector): Record<string, string> =>
  selector.by === 'release' ? { 'Cache-Control': IMMUTABLE } : {};
