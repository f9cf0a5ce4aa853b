import { PROVIDER_KINDS } from '../mirror/provider/settings.ts';
import type { JsonSchema } from './route.ts';

const secretName = { type: 'string', minLength: 1, maxLength: 63 };

export const upstreamProperties = {
  url: { type: 'string', minLength: 1, maxLength: 2048 },
  branch: { type: 'string', minLength: 1, maxLength: 200 },
  credentials: {
    type: ['object', 'null'],
    required: ['secretRef'],
    additionalProperties: false,
    properties: {
      secretRef: secretName,
      username: { type: 'string', minLength: 1, maxLength: 200 },
    },
  },
  knownHosts: { type: ['string', 'null'], maxLength: 65_536 },
  provider: {
    type: ['object', 'null'],
    required: ['kind'],
    additionalProperties: false,
    properties: {
      kind: { enum: [...PROVIDER_KINDS] },
      apiUrl: { type: ['string', 'null'], minLength: 1, maxLength: 2048 },
      project: { type: ['string', 'null'], minLength: 1, maxLength: 200 },
      tokenRef: { ...secretName, type: ['string', 'null'] },
      webhookRefs: { type: 'array', maxItems: 2, uniqueItems: true, items: secretName },
    },
  },
};

/** An upstream, as it stands in the body of the org that is made with it. */
export const upstreamSchema: JsonSchema = {
  type: 'object',
  required: ['url'],
  additionalProperties: false,
  properties: upstreamProperties,
};
