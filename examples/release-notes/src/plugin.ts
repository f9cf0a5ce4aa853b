import { definePlugin, html, PluginError, reply } from 'waymark/plugin';
import { findNote, listNotes, saveNote } from './notes.ts';
import { pageOf } from './page.ts';

export default definePlugin({
  register: ({ Plugin }) => ({
    Routes: [
      { Method: 'GET', Path: `/plugins/${Plugin}/export`, Description: 'All notes, as JSON.' },
    ],
    Resources: [{ Path: '/notes', Menu: 'Release notes', Description: 'What was released.' }],
  }),

  async handle({ Path }, ctx) {
    const notes = await listNotes(ctx.kv);
    if (Path.endsWith('/export')) return reply({ notes });
    if (Path.endsWith('/notes')) return html(pageOf(notes));
    throw new PluginError('NOT_FOUND', `nothing is at ${Path}`, { httpStatus: 404 });
  },

  async onEvent(event, ctx) {
    const releaseId = String(event.data['releaseId']);
    // An event may come twice, and by then somebody may have written the note.
    if (await findNote(ctx.kv, releaseId)) return;
    const by = String(event.data['by']);
    await saveNote(ctx.kv, { releaseId, publishedAt: event.timestamp, by, text: '' });
    ctx.logger.info('a release waits for its note', { releaseId });
  },

  tools: [
    {
      name: 'latest_notes',
      description: 'The notes of the newest releases.',
      inputSchema: {
        type: 'object',
        properties: { count: { type: 'integer', minimum: 1, maximum: 20, default: 5 } },
        additionalProperties: false,
      },
      async call({ count = 5 }: { count?: number }, ctx) {
        const notes = (await listNotes(ctx.kv)).slice(0, count);
        return { notes };
      },
    },
  ],
});
