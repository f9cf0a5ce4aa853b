import { createHmac } from 'node:crypto';

/** Headers as each provider sends them with a body. */
export const signedAs = {
  github: (secret: string, body: string, id = 'd-1') => ({
    'x-github-event': 'push',
    'x-github-delivery': id,
    'x-hub-signature-256': `sha256=${hmac(secret, body).toString('hex')}`,
  }),

  gitea: (secret: string, body: string, id = 'd-1') => ({
    'x-gitea-event': 'push',
    'x-gitea-delivery': id,
    'x-gitea-signature': hmac(secret, body).toString('hex'),
  }),

  /** As before GitLab signed anything: the secret itself. */
  gitlab: (secret: string, _body: string, id = 'd-1') => ({
    'x-gitlab-event': 'Push Hook',
    'x-gitlab-event-uuid': 'e-1',
    'idempotency-key': id,
    'x-gitlab-token': secret,
  }),
};

/** As GitLab signs, by Standard Webhooks. */
export function signedByStandard(key: string | Buffer, body: string, id: string, atSec: number) {
  const mac = hmac(key, `${id}.${atSec}.${body}`).toString('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(atSec),
    'webhook-signature': `v1,${mac}`,
  };
}

const hmac = (key: string | Buffer, text: string) =>
  createHmac('sha256', key).update(text).digest();
