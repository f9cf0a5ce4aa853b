import { movedFile, renderedFile } from './board.ts';
import type { Places } from './claude-places.ts';
import { type PromptType, SOURCE_FIELD, saysTheSame, writePrompt } from './claude-prompt.ts';
import { parseMarkdown } from './markdown.ts';
import type { ReadBytes, RenderedFile } from './rendered.ts';
import type { SourceObject } from './source-object.ts';

const TEXT_FIELD = { skill: 'body', agent: 'prompt', command: 'template' } as const;

export const isPromptType = (type: string): type is PromptType => type in SOURCE_FIELD;

/** The Markdown file of a skill, agent or command, and its payload. */
export async function renderPrompt(
  type: PromptType,
  source: SourceObject,
  places: Places,
  read: ReadBytes,
): Promise<RenderedFile[]> {
  const { main, besides } = placesOf(type, source, places);
  const named = source.spec[SOURCE_FIELD[type]];
  const inner = typeof named === 'string' ? named.replace(/^(\.\/)+/, '') : undefined;
  const files: RenderedFile[] = [];
  for (const { inner: path, entry } of source.payload) {
    const bytes = await read(entry.digest);
    if (path !== inner) files.push(movedFile(entry, join(besides, path), bytes));
    else if (isComplete(type, source, bytes)) files.push(movedFile(entry, main, bytes));
    else files.push(renderedFile(main, anew(type, source, bytes), entry.mode));
  }
  if (inner === undefined) {
    const text = source.spec[TEXT_FIELD[type]];
    const body = typeof text === 'string' ? `\n${text}` : '';
    files.push(renderedFile(main, anew(type, source, Buffer.from(body))));
  }
  return files;
}

function placesOf(
  type: PromptType,
  { folder, isShared }: SourceObject,
  places: Places,
): { main: string; besides: string } {
  const stated = isShared ? undefined : places.get(folder);
  if (type === 'skill') {
    const base = stated ?? folder;
    return { main: join(base, 'SKILL.md'), besides: base };
  }
  // Not beside it: every Markdown file under agents/ and commands/ is taken for one.
  return { main: stated ?? `${folder}.md`, besides: `assets/${folder}` };
}

function isComplete(type: PromptType, { spec, name }: SourceObject, bytes: Buffer): boolean {
  return saysTheSame(type, parseMarkdown(bytes.toString('utf8')), spec, name);
}

function anew(type: PromptType, { spec, name }: SourceObject, bytes: Buffer): Buffer {
  return Buffer.from(writePrompt(type, parseMarkdown(bytes.toString('utf8')), spec, name));
}

const join = (folder: string, path: string): string => (folder ? `${folder}/${path}` : path);
