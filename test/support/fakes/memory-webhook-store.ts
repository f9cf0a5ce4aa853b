import type { WebhookStore } from '../../../src/mirror/webhook.ts';
import type { Memory } from './memory.ts';

export function memoryWebhookStore(memory: Memory): WebhookStore {
  return {
    async remember(org, marks, expiresAt) {
      memory.requireOrg(org);
      const known = memory.webhooks.filter((one) => one.org === org).map(({ mark }) => mark);
      const fresh = marks.filter((mark) => !known.includes(mark));
      memory.webhooks.push(...fresh.map((mark) => ({ org, mark, expiresAt })));
      return fresh.length === marks.length;
    },

    async sweep(now) {
      const before = memory.webhooks.length;
      memory.webhooks = memory.webhooks.filter(({ expiresAt }) => expiresAt > now);
      return before - memory.webhooks.length;
    },
  };
}
