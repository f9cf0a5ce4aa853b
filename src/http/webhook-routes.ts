import express, { type Request, type Response } from 'express';
import { PROVIDER_KINDS, type ProviderKind } from '../mirror/provider/settings.ts';
import { takeWebhook, type WebhookDeps } from '../mirror/webhook.ts';
import { WaymarkError } from '../model/errors.ts';
import type { BodySchema } from './json-body.ts';
import { type Route, route } from './route.ts';

const parseRaw = express.raw({ limit: '1mb', type: () => true });

/** The bytes as they were signed. What they say is not asked. */
const rawBody: BodySchema<Buffer> = {
  schema: { type: 'object', description: 'As the provider has it; only its signature counts.' },
  contentTypes: ['application/json', 'application/x-www-form-urlencoded'],
  async read(request: Request, response: Response) {
    await new Promise<void>((resolve, reject) => {
      parseRaw(request, response, (error?: unknown) => (error ? reject(error) : resolve()));
    });
    return request.body as unknown;
  },
  parse: (body) => (Buffer.isBuffer(body) ? body : Buffer.alloc(0)),
};

const outcome = (word: string) => ({
  data: {
    type: 'object',
    required: ['outcome'],
    additionalProperties: false,
    properties: { outcome: { const: word } },
  },
  example: { outcome: word },
});

/** Where the services that upstreams live on say that something has moved. */
export function webhookRoutes(deps: WebhookDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/hooks/:orgId/:provider',
      // Its credential is the signature, which is of no caller.
      permission: 'public',
      summary: 'Takes a webhook of the upstream’s provider, and has the upstream looked at.',
      body: rawBody,
      answers: { 202: outcome('accepted'), 200: outcome('duplicate') },
      async handle({ org, params, body, request: { headers } }) {
        const kind = kindIn(params.provider);
        const isNew = await takeWebhook({ org, kind, headers, body }, deps);
        if (isNew) return { status: 202, body: { outcome: 'accepted' } };
        return { status: 200, body: { outcome: 'duplicate' } };
      },
    }),
  ];
}

function kindIn(text: string): ProviderKind {
  const kind = PROVIDER_KINDS.find((one) => one === text);
  if (kind) return kind;
  throw new WaymarkError('RES_NOT_FOUND', `webhooks are of ${PROVIDER_KINDS.join(', ')}`);
}
