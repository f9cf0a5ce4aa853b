import type { OrgRuntimes } from '../delivery/runtimes.ts';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { Binding } from '../plugin-host/binding.ts';
import { WEBHOOKS } from '../plugin-host/builtin/webhooks.ts';
import type { OutboxStore } from '../plugin-host/events/outbox.ts';
import { resumeWebhook, webhookState } from '../plugin-host/events/webhook-state.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { namespacesOf } from './namespace-scope.ts';
import { pageOf } from './pagination.ts';
import { type AnswerShape, type Call, type Route, route } from './route.ts';
import { flag, objectOf, text, textOrNull, timeOrNull, whole } from './shapes.ts';

interface Deps {
  runtimes: Pick<OrgRuntimes, 'find'>;
  plugins: Pick<PluginHost, 'bindings'>;
  outbox: OutboxStore;
  clock: Clock;
}

const shape = objectOf({
  id: text,
  namespaceId: textOrNull,
  enabled: flag,
  pending: whole,
  sent: whole,
  failed: whole,
  nextAttemptAt: timeOrNull,
  lastStatus: { type: ['integer', 'null'] },
  lastError: textOrNull,
  suspendedSince: timeOrNull,
});

const example = {
  id: 'sales.webhooks',
  namespaceId: 'sales',
  enabled: true,
  pending: 1,
  sent: 41,
  failed: 0,
  nextAttemptAt: '2026-11-21T06:58:57.831Z',
  lastStatus: 503,
  lastError: 'it answered 503',
  suspendedSince: null,
};

const answer: AnswerShape = { data: shape, example };

/** How the sending of webhooks goes, for whoever waits for them. */
export function sentWebhookRoutes({ runtimes, plugins, outbox, clock }: Deps): Route[] {
  /** The org's own, and of the namespaces of the caller's departments. */
  function webhooksFor({ org, caller }: Pick<Call, 'org' | 'caller'>): Binding[] {
    const config = runtimes.find(org)?.maybeView?.published.config ?? new Map();
    const namespaces = new Set(namespacesOf(config, caller).map(({ id }) => id));
    return plugins
      .bindings(org)
      .filter(({ pluginId, scope }) => pluginId === WEBHOOKS && scope !== 'integration')
      .filter(({ namespaceId }) => namespaceId === null || namespaces.has(namespaceId));
  }

  /** @throws {WaymarkError} `RES_NOT_FOUND` */
  function getWebhook({ params: { id }, ...call }: Call & { params: { id: string } }): Binding {
    const found = webhooksFor(call).find((one) => one.id === id);
    if (found) return found;
    throw new WaymarkError('RES_NOT_FOUND', `there is no webhook ${id}`);
  }

  return [
    route({
      method: 'get',
      path: '/webhooks',
      permission: 'plugins:read',
      summary: 'Lists the receivers of webhooks, and how the sending to each goes.',
      answers: { 200: { data: shape, isPage: true, example: [example] } },
      async handle(call) {
        const bound = webhooksFor(call).map((one) => webhookState(outbox, call.org, one));
        return pageOf(await Promise.all(bound), call.query);
      },
    }),
    route({
      method: 'get',
      path: '/webhooks/:id',
      permission: 'plugins:read',
      summary: 'Tells how the sending to one receiver goes.',
      answers: { 200: answer },
      async handle(call) {
        return { status: 200, body: await webhookState(outbox, call.org, getWebhook(call)) };
      },
    }),
    route({
      method: 'post',
      path: '/webhooks/:id/resume',
      permission: 'plugins:manage',
      summary: 'Sends to a receiver again that had said that it is gone for good.',
      answers: { 200: answer },
      async handle(call) {
        const { org, caller, requestId } = call;
        const webhook = getWebhook(call);
        const acting = { actor: caller.actor, requestId };
        await resumeWebhook({ outbox, clock }, org, webhook, acting);
        return { status: 200, body: await webhookState(outbox, org, webhook) };
      },
    }),
  ];
}
