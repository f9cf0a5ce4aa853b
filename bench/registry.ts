import type { Files } from '../test/support/git.ts';

export const OBJECTS_PER_PLUGIN = 50;

const registryFile = `apiVersion: waymark/v1
kind: Registry
spec:
  title: Bench
  delivery: {encryption: preferred, defaultAccess: orgWide}
`;

export const pluginId = (i: number): string => `plugin-${String(i).padStart(4, '0')}`;

const pluginFile = (i: number): string => `apiVersion: waymark/v1
kind: Plugin
spec:
  title: Plugin ${i}
  description: The ${i}th plugin of a generated registry.
  version: 1.0.0
  policy: {mode: available, override: allow}
`;

/** An object of about a kilobyte, as hand-written ones are. `edition` changes its content. */
export function objectFile(plugin: number, i: number, edition = 0): string {
  const paragraph = `Step ${i}: look at the account first, then at what was promised to it, and write down where each number comes from.`;
  const body = Array.from({ length: 5 }, (_, n) => `    ${n + 1}. ${paragraph}`).join('\n');
  const about = `What ${pluginId(plugin)} knows of case ${i}, edition ${edition}.`;
  if (i % 2 === 0) {
    return `apiVersion: waymark/v1
kind: Context
metadata: {title: Case ${i}}
spec:
  description: ${about}
  alwaysApply: false
  body: |
${body}
`;
  }
  return `apiVersion: waymark/v1
kind: Command
metadata: {title: Case ${i}}
spec:
  description: ${about}
  arguments: [{name: account, description: The account's name., required: true}]
  template: |
${body}
`;
}

export const objectPath = (plugin: number, i: number): string =>
  `plugins/${pluginId(plugin)}/${i % 2 === 0 ? 'contexts' : 'commands'}/case-${i}.yaml`;

/** A registry with this many config objects, fifty in each plugin. */
export function registryOf(objects: number): Files {
  const files: Files = { 'registry.yaml': registryFile };
  for (let at = 0; at < objects; at++) {
    const plugin = Math.floor(at / OBJECTS_PER_PLUGIN);
    const i = at % OBJECTS_PER_PLUGIN;
    if (i === 0) files[`plugins/${pluginId(plugin)}/plugin.yaml`] = pluginFile(plugin);
    files[objectPath(plugin, i)] = objectFile(plugin, i);
  }
  return files;
}

/** One plugin with a skill of this many megabytes in files that do not compress. */
export function heavyRegistry(megabytes: number, randomBytes: (size: number) => Buffer): Files {
  const root = `plugins/${pluginId(0)}`;
  const files: Files = {
    'registry.yaml': registryFile,
    [`${root}/plugin.yaml`]: pluginFile(0),
    [`${root}/skills/heavy/skill.yaml`]: `apiVersion: waymark/v1
kind: Skill
metadata: {title: Heavy}
spec:
  description: A skill with large assets.
  bodyFrom: ./SKILL.md
`,
    [`${root}/skills/heavy/SKILL.md`]: 'Use the assets.\n',
  };
  for (let i = 0; i < megabytes; i++) {
    files[`${root}/skills/heavy/assets/${i}.bin`] = randomBytes(1024 * 1024);
  }
  return files;
}
