const WEEK_MS = 7 * 86_400_000;
const A_MONDAY_MS = Date.UTC(1970, 0, 5);

function findOnCall({ rotation }, timeMs) {
  const week = Math.floor((timeMs - A_MONDAY_MS) / WEEK_MS);
  return rotation[((week % rotation.length) + rotation.length) % rotation.length];
}

export default {
  'agent.query': ({ query, context }) => {
    if (!/\bon[- ]call\b/i.test(query)) return { results: [] };
    const person = findOnCall(context.config, Date.now());
    const title = `${person} is on call this week`;
    return { results: [{ type: 'person', title, data: { person }, score: 1 }] };
  },

  'tool.call': ({ arguments: { date }, context }) => {
    const timeMs = date === undefined ? Date.now() : Date.parse(date);
    return { content: [{ type: 'text', text: findOnCall(context.config, timeMs) }] };
  },
};
