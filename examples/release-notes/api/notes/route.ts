import type { RouteArguments } from 'waymark/plugin';
import { listNotes } from '../../src/notes.ts';

export async function GET(_request: Request, { context }: RouteArguments) {
  return Response.json({ notes: await listNotes(context.kv) });
}
