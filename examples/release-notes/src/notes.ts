import type { PluginStore } from 'waymark/plugin';

/** What is kept of one release. */
export interface Note {
  releaseId: string;
  publishedAt: string;
  by: string;
  /** Empty until somebody writes it. */
  text: string;
}

const keyOf = (releaseId: string): string => `notes/${releaseId}`;

export const findNote = (kv: PluginStore, releaseId: string): Promise<Note | undefined> =>
  kv.get<Note>(keyOf(releaseId));

export const saveNote = (kv: PluginStore, note: Note): Promise<void> =>
  kv.set(keyOf(note.releaseId), note);

/** Newest first. */
export async function listNotes(kv: PluginStore): Promise<Note[]> {
  const keys = await kv.list('notes/');
  const notes = await Promise.all(keys.map((key) => kv.get<Note>(key)));
  return notes
    .filter((note) => note !== undefined)
    .sort((one, other) => (one.publishedAt < other.publishedAt ? 1 : -1));
}
