import { checkVisible, findReleaseById } from '../delivery/resolve.ts';
import { etagOf } from '../delivery/signed.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import { IMMUTABLE, placeHeaders, signedAnswer, writePrepared } from './delivery-answer.ts';
import {
  answerOrWait,
  askerOf,
  BASE,
  type DeliveryRouteDeps,
  deliveryOf,
  read,
} from './delivery-context.ts';
import { indexAnswer, manifestAnswer, signatureAnswer } from './delivery-documents.ts';
import {
  indexShape,
  manifestQuery,
  manifestShape,
  rawOf,
  rootShape,
  signatureAnswers,
} from './delivery-shapes.ts';
import { type Call, type Route, route } from './route.ts';
import { text } from './shapes.ts';

/** Signed documents, and their signatures beside them. */
export function documentRoutes(deps: DeliveryRouteDeps): Route[] {
  return [...manifestRoutes(deps), ...indexRoutes(deps)];
}

function manifestRoutes(deps: DeliveryRouteDeps): Route[] {
  const { deliveries } = deps;
  const manifestOf = async (call: Call): Promise<Awaited<ReturnType<typeof manifestAnswer>>> => {
    const { plugin, release } = call.params as { plugin: string; release?: string };
    const query = new URLSearchParams(call.query);
    if (release !== undefined) query.append('release', release);
    return await manifestAnswer(deliveryOf(deliveries, call.org), call.caller, plugin, query);
  };
  return [
    `${BASE}/plugins/:plugin/manifest`,
    `${BASE}/plugins/:plugin/releases/:release/manifest`,
  ].flatMap((path) => [
    route({
      ...read,
      path,
      summary: 'Gives the signed list of a plugin’s files; waits for a change with `Prefer: wait`.',
      query: manifestQuery,
      answers: { 200: { data: manifestShape }, 304: null },
      deadlineMs: null,
      handle: (call) =>
        answerOrWait(deps, call as Call, async () => (await manifestOf(call as Call)).prepared),
    }),
    route({
      ...read,
      path: `${path}.asc`,
      summary: 'Gives the manifest’s armored signature.',
      query: manifestQuery,
      answers: signatureAnswers,
      async handle(call) {
        const { manifest } = await manifestOf(call as Call);
        const { view } = deliveryOf(deliveries, call.org).runtime;
        writePrepared(call.request, call.response, signatureAnswer(view, manifest));
        return undefined;
      },
    }),
  ]);
}

function indexRoutes(deps: DeliveryRouteDeps): Route[] {
  const { deliveries } = deps;
  const index = (call: Call) =>
    indexAnswer(deliveryOf(deliveries, call.org), call.caller, call.query);
  return [
    route({
      ...read,
      path: `${BASE}/index`,
      summary: 'Gives the signed list of all that the caller may have on a channel.',
      query: { channel: text, plugins: text },
      answers: { 200: { data: indexShape }, 304: null },
      deadlineMs: null,
      handle: (call) => answerOrWait(deps, call as Call, () => index(call as Call)),
    }),
    route({
      ...read,
      path: `${BASE}/index.asc`,
      summary: 'Gives the index’s armored signature.',
      query: { channel: text },
      answers: signatureAnswers,
      async handle(call) {
        const prepared = await index(call as Call);
        const signature = prepared.headers['X-Waymark-Signature'];
        if (signature === undefined)
          throw invalidField('plugins', 'a filtered index is not signed');
        const { view } = deliveryOf(deliveries, call.org).runtime;
        const signed = {
          body: prepared.body,
          signature: Buffer.from(signature, 'base64'),
          etag: prepared.headers['ETag']!,
        };
        writePrepared(call.request, call.response, signatureAnswer(view, signed));
        return undefined;
      },
    }),
  ];
}

/** Roots, keys and tags: what everything else is verified with. */
export function trustRoutes(deps: DeliveryRouteDeps): Route[] {
  return [...rootRoutes(deps), ...keyAndTagRoutes(deps)];
}

function rootRoutes({ deliveries }: DeliveryRouteDeps): Route[] {
  const rootOf = async (call: Call) => {
    const { version: text } = call.params as { version?: string };
    const delivery = deliveryOf(deliveries, call.org);
    const { roots } = delivery.runtime;
    const root =
      text === undefined ? roots.at(-1) : roots.find(({ version }) => String(version) === text);
    if (!root) throw new WaymarkError('RES_NOT_FOUND', `there is no root ${text}`);
    const signature = Buffer.from(root.signature, 'base64');
    return {
      delivery,
      signed: { body: Buffer.from(root.body), signature, etag: etagOf(root.body) },
    };
  };
  const answer = async (call: Call, isSignature: boolean): Promise<undefined> => {
    const { delivery, signed } = await rootOf(call);
    // An org without a first commit has keys all the same.
    const view = delivery.runtime.maybeView;
    const { version } = call.params as { version?: string };
    const prepared = isSignature
      ? signatureAnswer(view, signed)
      : signedAnswer(view, signed, version === undefined ? {} : { 'Cache-Control': IMMUTABLE });
    writePrepared(call.request, call.response, prepared);
  };
  return [`${BASE}/root`, `${BASE}/root/:version`].flatMap((path) => [
    route({
      ...read,
      path,
      summary: 'Gives the document that says which keys count for what.',
      answers: { 200: { data: rootShape }, 304: null },
      handle: (call) => answer(call as Call, false),
    }),
    route({
      ...read,
      path: `${path}.asc`,
      summary: 'Gives the root’s armored signatures.',
      answers: signatureAnswers,
      handle: (call) => answer(call as Call, true),
    }),
  ]);
}

function keyAndTagRoutes({ deliveries }: DeliveryRouteDeps): Route[] {
  return [
    route({
      ...read,
      path: `${BASE}/keys`,
      summary: 'Gives the armored release key that is in use.',
      answers: { 200: rawOf('application/pgp-keys') },
      async handle({ org }) {
        const delivery = deliveryOf(deliveries, org);
        return {
          status: 200,
          headers: {
            'Content-Type': 'application/pgp-keys',
            ...placeHeaders(delivery.runtime.maybeView),
          },
          body: delivery.runtime.keyring.publicKey('release'),
        };
      },
    }),
    route({
      ...read,
      path: `${BASE}/plugins/:plugin/releases/:release/tag`,
      summary: 'Gives the signed tag object of a release, as git has it.',
      answers: { 200: rawOf('application/x-git-tag') },
      async handle({ org, caller, params: { plugin, release } }) {
        const { runtime } = deliveryOf(deliveries, org);
        checkVisible(runtime.view, plugin, askerOf(caller));
        const { tagOid } = findReleaseById(runtime.view, plugin, release);
        return {
          status: 200,
          headers: {
            'Content-Type': 'application/x-git-tag',
            'Cache-Control': IMMUTABLE,
            ...placeHeaders(runtime.view),
          },
          body: await runtime.pool.readTag(tagOid),
        };
      },
    }),
  ];
}
