import { PluginError, type RouteArguments } from 'waymark/plugin';

type Args = RouteArguments<{ id: string }>;

/** `GET /api/v1/plugin/plugin-name/notes/<id>` */
export async function GET(_request: Request, { params, context }: Args) {
  const note = await context.kv.get(`notes/${params.id}`);
  if (note === undefined) {
    throw new PluginError('NO_NOTE', `there is no note ${params.id}`, { httpStatus: 404 });
  }
  return Response.json({ id: params.id, note });
}

export async function PUT(request: Request, { params, context }: Args) {
  await context.kv.set(`notes/${params.id}`, await request.text());
  return new Response(null, { status: 204 });
}
