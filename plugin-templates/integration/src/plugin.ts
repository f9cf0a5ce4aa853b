import { definePlugin } from 'waymark/plugin';

interface Config {
  greeting: string;
}

export default definePlugin<Config>({
  configSchema: {
    type: 'object',
    properties: { greeting: { type: 'string', default: 'Hello', maxLength: 80 } },
    additionalProperties: false,
  },

  /** An event may come twice: what is done by its id is done once. */
  async onApprovalCreated(event, ctx) {
    await ctx.kv.set(`approvals/${event.approvalId}`, event.requestedBy);
    ctx.logger.info('an approval is asked for', { approvalId: event.approvalId });
  },

  async onAgentQuery(query, ctx) {
    if (!/approval/i.test(query)) return [];
    const waiting = await ctx.kv.list('approvals/');
    const title = `${ctx.config.greeting}: ${waiting.length} approvals were asked for`;
    return [{ type: 'note', title, data: { approvals: waiting.length }, score: 0.5 }];
  },

  tools: [
    {
      name: 'greet',
      description: 'Greets somebody by name.',
      inputSchema: {
        type: 'object',
        properties: { name: { type: 'string' } },
        required: ['name'],
      },
      call: ({ name }: { name: string }, ctx) => `${ctx.config.greeting}, ${name}!`,
    },
  ],
});
