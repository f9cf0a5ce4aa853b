import { FOLDER_OF_TYPE } from '../../src/model/names.ts';
import {
  type PromptReading,
  readPrompt,
  SOURCE_FIELD,
} from '../../src/registry/layout/claude-prompt.ts';
import { parseMarkdown } from '../../src/registry/layout/markdown.ts';
import { type Component, hasUsualPlace } from './components.ts';
import type { PluginImport } from './plugin-import.ts';
import { asTitle, documentFile } from './registry-document.ts';
import type { NoteCode } from './report.ts';

const KIND = { skill: 'Skill', agent: 'Agent', command: 'Command' } as const;

/** Gives a skill, agent or command its document; the Markdown stays untouched beside it. */
export async function importPrompt(plugin: PluginImport, component: Component): Promise<void> {
  const { type, name, file, place } = component;
  const markdown = parseMarkdown((await plugin.source.get(file)!.read()).toString('utf8'));
  const reading = readPrompt(type, markdown, name);
  const inner = type === 'skill' ? 'SKILL.md' : `${type}.md`;
  const spec = { ...reading.spec, [SOURCE_FIELD[type]]: `./${inner}` };
  const title = reading.name === name ? undefined : asTitle(reading.name ?? '');

  const folder = `${FOLDER_OF_TYPE[type]}/${name}`;
  const document = documentFile(KIND[type], { title, spec });
  if (!(await plugin.addDocument(`${folder}/${type}.yaml`, document, file))) return;
  plugin.move(file, `${folder}/${inner}`);
  if (type === 'skill' && place !== '') moveFolder(plugin, place, folder);
  if (!hasUsualPlace(component)) plugin.places.set(folder, place);
  noteReading(plugin, component, reading, markdown.status === 'invalid');
}

/** All but a file that the registry would take for the skill's document. */
function moveFolder(plugin: PluginImport, from: string, to: string): void {
  for (const path of plugin.source.keys()) {
    if (!path.startsWith(`${from}/`)) continue;
    const inner = path.slice(from.length + 1);
    if (!/^skill\.ya?ml$/.test(inner)) plugin.move(path, `${to}/${inner}`);
  }
}

function noteReading(
  plugin: PluginImport,
  { type, name, file, place }: Component,
  reading: PromptReading,
  isInvalid: boolean,
): void {
  const note = (code: NoteCode, message: string, field?: string): void =>
    plugin.note(code, file, message, field);
  const stem = place.split('/').at(-1)!.replace(/\.md$/, '');
  if (place !== '' && stem !== name) note('name-adapted', `${type} ${name} in the registry`);
  if (isInvalid) note('header-invalid', 'the header is no YAML mapping: read line by line');
  if (reading.isShortened) note('field-shortened', 'cut to what the registry holds', 'description');
  if (reading.descriptionFrom !== 'header') {
    const from = { text: 'taken from the text', nothing: 'there is none' }[reading.descriptionFrom];
    note('description-from-text', from, 'description');
  }
  for (const field of reading.unmapped) {
    note('field-in-original', 'said by the Markdown file alone', field);
  }
}
