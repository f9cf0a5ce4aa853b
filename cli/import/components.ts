import { FOLDER_OF_TYPE } from '../../src/model/names.ts';
import { statedPaths } from '../../src/registry/layout/claude-paths.ts';
import type { PromptType } from '../../src/registry/layout/claude-prompt.ts';
import { assignNames } from '../../src/registry/layout/object-name.ts';

/** A skill, agent or command that a plugin's folder holds as Markdown. */
export interface Component {
  type: PromptType;
  name: string;
  /** The Markdown file. */
  file: string;
  /** The skill's folder ('' for the plugin's own), or the file: what the Claude layout must give back. */
  place: string;
}

const NO_COMPONENT = /^(readme|changelog|license|contributing|index)/i;

/**
 * Finds them in the standard folders and wherever the manifest points.
 *
 * @param paths of the plugin's files, sorted
 * @param manifest plugin.json's value, completed by the marketplace's entry
 */
export function findComponents(
  plugin: string,
  paths: readonly string[],
  manifest: unknown,
): Component[] {
  const skills = findSkills(plugin, paths, manifest);
  const isInSkill = (path: string): boolean =>
    skills.some(({ place }) => place !== '' && path.startsWith(`${place}/`));
  const files = paths.filter((path) => !isInSkill(path));
  const agents = findFiles('agents', files, manifest);
  const isAgent = new Set(agents.map(({ file }) => file));
  const others = files.filter((path) => !isAgent.has(path));
  return [
    ...nameAll(plugin, 'skill', skills),
    ...nameAll(plugin, 'agent', agents),
    ...nameAll(plugin, 'command', findFiles('commands', others, manifest)),
  ];
}

/** `stem` is what the name is made from. */
type Found = Pick<Component, 'file' | 'place'> & { stem: string };

function findSkills(plugin: string, paths: readonly string[], manifest: unknown): Found[] {
  const roots = ['skills', ...statedPaths(manifest, 'skills').map(asFolder)];
  const found = new Map<string, Found>();
  for (const file of paths) {
    if (!/(^|\/)SKILL\.md$/.test(file)) continue;
    const place = file.slice(0, -'/SKILL.md'.length);
    const root = roots.find((it) => place === it || it === '' || place.startsWith(`${it}/`));
    const isInside = [...found.keys()].some((outer) => place.startsWith(`${outer}/`));
    if ((root === undefined && place !== '') || isInside) continue;
    const stem = root === undefined || place === root ? lastOf(place) : below(root, place);
    found.set(place, { file, place, stem: stem || plugin });
  }
  return [...found.values()];
}

function findFiles(folder: string, paths: readonly string[], manifest: unknown): Found[] {
  const roots = [folder, ...statedPaths(manifest, folder)];
  return paths.flatMap((file) => {
    const root = roots.find((it) => file === it || it === '' || file.startsWith(`${it}/`));
    if (root === undefined || !file.endsWith('.md') || NO_COMPONENT.test(lastOf(file))) return [];
    const inner = file === root ? lastOf(file) : below(root, file);
    return [{ file, place: file, stem: inner.slice(0, -'.md'.length) }];
  });
}

/** The same stem in two folders: the second is named by its whole path. */
function nameAll(plugin: string, type: PromptType, found: readonly Found[]): Component[] {
  const stems = new Set<string>();
  const texts = found.map(({ stem, place }) => {
    const text = stems.has(stem) ? place : stem;
    stems.add(stem);
    return text;
  });
  // The id is `<plugin>.<type>.<name>`, of at most 128 characters.
  const limit = Math.min(64, 128 - plugin.length - type.length - 2);
  const names = assignNames(texts, limit);
  return found.map(({ file, place }, i) => ({ type, name: names.get(texts[i]!)!, file, place }));
}

/** Where an object's place in the Claude layout is the usual one, nothing need be said of it. */
export function hasUsualPlace({ type, name, place }: Component): boolean {
  const usual = `${FOLDER_OF_TYPE[type]}/${name}`;
  return place === (type === 'skill' ? usual : `${usual}.md`);
}

const asFolder = (path: string): string => path.replace(/(^|\/)SKILL\.md$/, '');
const lastOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const below = (root: string, path: string): string => (root ? path.slice(root.length + 1) : path);
