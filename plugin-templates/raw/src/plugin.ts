import { definePlugin, html, PluginError, reply } from 'waymark/plugin';

export default definePlugin({
  /** What there is: a route for whoever has the management key, and a page for everybody. */
  register: ({ Plugin }) => ({
    Routes: [{ Method: 'GET', Path: `/plugins/${Plugin}/visits` }],
    Resources: [{ Path: '/hello', Menu: 'Hello', Description: 'Counts its visits.' }],
  }),

  async handle(request, ctx) {
    const visits = (await ctx.kv.get<number>('visits')) ?? 0;
    if (request.Path.endsWith('/visits')) return reply({ visits });
    if (request.Path.endsWith('/hello')) {
      await ctx.kv.set('visits', visits + 1);
      return html(`<!doctype html><title>Hello</title><p>You are visitor ${visits + 1}.</p>`);
    }
    throw new PluginError('NOT_FOUND', `nothing is at ${request.Path}`, { httpStatus: 404 });
  },
});
