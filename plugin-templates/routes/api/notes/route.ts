import type { RouteArguments } from 'waymark/plugin';

/** `GET /api/v1/plugin/plugin-name/notes` */
export async function GET(_request: Request, { context }: RouteArguments) {
  const ids = await context.kv.list('notes/');
  return Response.json({ notes: ids.map((key) => key.slice('notes/'.length)) });
}
