import { upstreamFailed } from '../fault.ts';

const LONGEST = 1024 * 1024;
/** One at the end may be half of a CR LF. */
const LINE_END = /\r\n|\n|\r(?!$)/;

/**
 * The data of a stream's events: those that each chunk has completed, together.
 * An event that is cut off is none.
 *
 * @throws {Fault} `INT_UPSTREAM_FAILED` for a line or an event without end
 * @see the HTML standard, "Server-sent events", parsing
 */
export async function* eventsIn(body: AsyncIterable<Uint8Array>): AsyncGenerator<string[], void> {
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(LINE_END);
    rest = lines.pop()!;
    const events: string[] = [];
    for (const line of lines) {
      if (line !== '') data.push(...dataOf(line));
      else if (data.length > 0) {
        events.push(data.join('\n'));
        data = [];
      }
    }
    const held = data.reduce((sum, line) => sum + line.length, rest.length);
    if (held > LONGEST) throw upstreamFailed('an event of its answer has no end');
    if (events.length > 0) yield events;
  }
}

/** Comments, names and ids of events say nothing here. */
function dataOf(line: string): string[] {
  if (line === 'data') return [''];
  return line.startsWith('data:') ? [line.slice(5).replace(/^ /, '')] : [];
}
