import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { formatDiagnostic } from '../../src/model/diagnostic.ts';
import type { Files } from './git.ts';
import { plainManifest } from './plugins.ts';

/** A document of a kind; `fields` are lines of its spec, in flow form. */
export const yaml = (kind: string, spec: string, metadata?: string): string =>
  `apiVersion: waymark/v1\nkind: ${kind}\n${metadata ? `metadata: {${metadata}}\n` : ''}spec: {${spec}}\n`;

export const registryYaml = (spec = 'delivery: {defaultAccess: orgWide}'): string =>
  yaml('Registry', spec);
export const plugin = (spec = '', title = 'Sales'): string =>
  yaml('Plugin', spec, `title: ${title}`);
export const skill = (body: string, metadata?: string): string =>
  yaml('Skill', `description: says ${body}, body: ${body}`, metadata);

/** A small registry: two plugins, of which `sales` includes the shared `objects.skill.voice`. */
export const smallRegistry = (more: Files = {}): Files => ({
  'registry.yaml': registryYaml(),
  'plugins/sales/plugin.yaml': plugin('version: 1.0.0, include: [objects.skill.voice]'),
  'plugins/sales/skills/quote.yaml': skill('quote'),
  'plugins/sales/skills/brief/skill.yaml': yaml('Skill', 'description: d, bodyFrom: ./SKILL.md'),
  'plugins/sales/skills/brief/SKILL.md': '# Brief\n',
  'plugins/ops/plugin.yaml': plugin('', 'Ops'),
  'plugins/ops/skills/triage.yaml': skill('triage'),
  'objects/skills/voice.yaml': skill('voice'),
  'objects/skills/unused.yaml': skill('unused'),
  ...more,
});

/** A plugin's server part: what `plugin.json` must say and more, and its script. */
export const serverPart = (
  id: string,
  more: Readonly<Record<string, unknown>> = {},
  script = 'export default {};\n',
): Record<string, string> => {
  const { version: _, ...plain } = plainManifest(id);
  return {
    [`plugins/${id}/server/plugin.json`]: `${JSON.stringify({ ...plain, ...more }, null, 2)}\n`,
    [`plugins/${id}/server/index.js`]: script,
  };
};

/** `code path:line:column message (hint)`, as a table of refusals has it. */
export const told = (diagnostics: readonly Diagnostic[]): string[] =>
  diagnostics.map((one) => `${one.code} ${formatDiagnostic(one)}`);
