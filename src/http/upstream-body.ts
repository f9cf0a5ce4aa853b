import type { JsonSchema } from './route.ts';

export const upstreamProperties = {
  url: { type: 'string', minLength: 1, maxLength: 2048 },
  branch: { type: 'string', minLength: 1, maxLength: 200 },
  credentials: {
    type: ['object', 'null'],
    required: ['secretRef'],
    additionalProperties: false,
    properties: {
      secretRef: { type: 'string', minLength: 1, maxLength: 63 },
      username: { type: 'string', minLength: 1, maxLength: 200 },
    },
  },
  knownHosts: { type: ['string', 'null'], maxLength: 65_536 },
};

/** An upstream, as it stands in the body of the org that is made with it. */
export const upstreamSchema: JsonSchema = {
  type: 'object',
  required: ['url'],
  additionalProperties: false,
  properties: upstreamProperties,
};
