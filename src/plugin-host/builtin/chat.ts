import { textIn } from '../callbacks/params.ts';
import type { CallContext } from '../contract/wire.ts';
import type { WireEvent } from '../events/event.ts';
import type { Builtin } from '../sources/builtin-part.ts';
import { escaped, messageOf } from './chat-message.ts';
import { upstreamAnswered } from './fault.ts';
import { type HttpClient, httpClient } from './http-client.ts';
import { inTime } from './in-time.ts';
import { integrationMethods } from './integration.ts';
import { ownManifest } from './own-manifest.ts';

/** As `schemas/plugins/chat.json` has it. */
interface ChatConfig {
  webhookUrl: string;
  events?: readonly string[];
  template?: string;
}

const OPERATION = 'notify';
const LONGEST = 4000;

/** A channel of Slack, or of what takes Slack's incoming webhooks: Mattermost, Rocket.Chat, Discord. */
export const chat: Builtin = {
  manifest: ownManifest('chat', {
    displayName: 'Chat',
    category: 'notify',
    capabilities: {
      integration: true,
      approval_hook: true,
      document_hook: true,
      release_hook: true,
      promotion_hook: true,
      deploy_hook: true,
    },
    permissions: {
      http: [{ hosts: ['config:/webhookUrl'], methods: ['POST'] }],
      secrets: ['webhookUrl'],
    },
    integration: { category: 'notify', resourceTypes: [], operations: [OPERATION] },
  }),
  methods(waymark) {
    const send = httpClient(waymark);
    return {
      ...integrationMethods({
        check: {
          name: 'message',
          async run(config) {
            await post(send, config, 'Waymark can write here.');
            return 'a message was written';
          },
        },
        // Every look would be a message in somebody's channel.
        health: async () => ({
          status: 'unknown',
          message: 'only a test finds out, which writes a message',
          checks: [],
        }),
        operations: {
          async [OPERATION](config, params) {
            await post(send, config, escaped(textIn(params, 'text', LONGEST)));
            return {};
          },
        },
      }),
      async 'hook.handle'(params, call) {
        const { event, context } = params as { event: WireEvent; context: CallContext };
        const { events = [], template } = context.config as unknown as ChatConfig;
        if (events.includes(event.type)) {
          await inTime(call, () => post(send, context.config, messageOf(event, template)));
        }
        return {};
      },
    };
  },
};

async function post(send: HttpClient, config: CallContext['config'], text: string): Promise<void> {
  const { webhookUrl: url } = config as unknown as ChatConfig;
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ text });
  const { status } = await send({ method: 'POST', url, headers, body });
  if (status < 200 || status > 299) throw upstreamAnswered(`the chat answers ${status}`, status);
}
