import { PluginError, type PluginStore, type RouteArguments } from 'waymark/plugin';
import { findNote, type Note, saveNote } from '../../../src/notes.ts';

type Args = RouteArguments<{ id: string }>;

export async function GET(_request: Request, { params, context }: Args) {
  return Response.json(await getNote(context.kv, params.id));
}

/** Writes the text of a note; the host has checked the body by the route's `input`. */
export async function PUT(request: Request, { params, context }: Args) {
  const { text } = (await request.json()) as { text: string };
  const note = { ...(await getNote(context.kv, params.id)), text };
  await saveNote(context.kv, note);
  return Response.json(note);
}

async function getNote(kv: PluginStore, releaseId: string): Promise<Note> {
  const note = await findNote(kv, releaseId);
  if (note) return note;
  throw new PluginError('NO_NOTE', `there is no release ${releaseId}`, { httpStatus: 404 });
}
