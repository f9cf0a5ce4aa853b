import semver from 'semver';
import { isObjectId, isPluginId } from '../model/names.ts';
import type { Finding } from './finding.ts';
import type { CustomSpec, FreezeWindowSpec, Kind, McpSpec, SpecByKind } from './kinds.ts';
import { findLiteralSecrets } from './mcp-secrets.ts';
import type { Metadata } from './metadata.ts';
import type { Place } from './path-rules.ts';

/** What every document is once its schema has passed. */
export interface DocumentValue<K extends Kind = Kind> {
  kind: K;
  metadata?: Metadata;
  spec: SpecByKind[K];
}

type Rule = (document: DocumentValue, place: Place) => Finding[];

/** The rules that need one whole document and its path, but nothing beside it. */
export function checkDocument(document: DocumentValue, place: Place): Finding[] {
  return rules.flatMap((rule) => rule(document, place));
}

/** The rules that a path breaks by itself, whatever the file says. */
export function checkName({ role, name, parent, object }: Place): Finding[] {
  if (role === 'Skill') return SKILL_NAME.test(name) ? [] : [badName(name, SKILL_FORM)];
  if (object) return [];
  if (role === 'Registry') return [];
  if (role === 'ReleaseStatus') return checkReleaseName(name, parent);
  const ids = parent === undefined ? [name] : [parent, name];
  return ids.filter((id) => !isPluginId(id)).map((id) => badName(id, PLUGIN_FORM));
}

const SKILL_NAME = /^(?=.{1,64}$)[a-z0-9]+(-[a-z0-9]+)*$/;
const SKILL_FORM = 'a skill is named by lower-case letters, digits and single hyphens, at most 64';
const PLUGIN_FORM = 'it takes lower-case letters, digits and single hyphens, at most 63';
const OBJECT_FORM = 'rename it, or give metadata.id';
const RELEASE_FORM = 'a release is named like 2026-11: no version, no --';

const onFile = { pointer: [], of: 'value' } as const;

const badName = (name: string, hint: string): Finding => ({
  ...onFile,
  code: 'bad-name',
  message: `${JSON.stringify(name)} cannot be a name here`,
  hint,
});

function checkReleaseName(name: string, plugin: string | undefined): Finding[] {
  if (plugin === undefined) {
    const isName = isObjectId(name) && !name.includes('--') && semver.valid(name) === null;
    return isName ? [] : [badName(name, RELEASE_FORM)];
  }
  const isVersion = semver.parse(name)?.raw === name && !name.startsWith('v');
  return [
    ...(isPluginId(plugin) ? [] : [badName(plugin, PLUGIN_FORM)]),
    ...(isVersion ? [] : [badName(name, 'the file is named by the version, such as 1.4.0.yaml')]),
  ];
}

/** A skill's name is judged without its file. */
const checkObjectName: Rule = ({ kind, metadata }, { object, name }) => {
  const isNamed = metadata?.id !== undefined || isObjectId(name);
  return object && kind !== 'Skill' && !isNamed ? [badName(name, OBJECT_FORM)] : [];
};

/** The id of what is not a config object is its path, and references rely on it. */
const checkFixedId: Rule = ({ kind, metadata }, { object, name }) => {
  if (object || metadata?.id === undefined || metadata.id === name) return [];
  const message = `the id of this ${kind} is ${name}, from its path`;
  return [{ code: 'fixed-id', pointer: ['metadata', 'id'], of: 'value', message }];
};

const checkPluginTitle: Rule = ({ kind, metadata, spec }) => {
  if (kind !== 'Plugin' || metadata?.title !== undefined || 'title' in spec) return [];
  const message = 'a plugin needs a title';
  const hint = 'give metadata.title or spec.title';
  return [{ code: 'missing-field', pointer: ['spec'], of: 'key', message, hint }];
};

const FROM_FIELDS = ['bodyFrom', 'promptFrom', 'templateFrom', 'sourceFrom'];

/** A one-file object has no folder of its own, so nothing would be delivered under that path. */
const checkFromFields: Rule = ({ spec }, { object, name }) => {
  if (object?.form !== 'file') return [];
  return FROM_FIELDS.filter((field) => field in spec).map((field) => ({
    code: 'needs-folder',
    pointer: ['spec', field],
    of: 'key',
    message: `spec.${field} needs the folder form`,
    hint: `move this file to ${name}/${object.type}.yaml, and put the text beside it`,
  }));
};

const checkCustomFiles: Rule = ({ kind, spec }, { object }) => {
  if (kind !== 'Custom' || object?.form !== 'file' || (spec as CustomSpec).files) return [];
  const message = 'a custom object in one file needs spec.files';
  return [{ code: 'missing-field', pointer: ['spec'], of: 'key', message }];
};

const checkSecrets: Rule = ({ kind, spec }) =>
  kind === 'Mcp' ? findLiteralSecrets(spec as McpSpec) : [];

const checkFreeze: Rule = ({ kind, spec }, { parent }) => {
  if (kind !== 'FreezeWindow') return [];
  const { environmentId, start, end } = spec as FreezeWindowSpec;
  const findings: Finding[] = [];
  if (environmentId !== undefined && environmentId !== parent) {
    const message = `spec.environmentId must be ${parent}, the folder's name`;
    const pointer = ['spec', 'environmentId'];
    findings.push({ code: 'fixed-id', pointer, of: 'value', message });
  }
  if (Date.parse(end) <= Date.parse(start)) {
    const message = 'spec.end must be later than spec.start';
    findings.push({ code: 'out-of-range', pointer: ['spec', 'end'], of: 'value', message });
  }
  return findings;
};

const rules: Rule[] = [
  checkObjectName,
  checkFixedId,
  checkPluginTitle,
  checkFromFields,
  checkCustomFiles,
  checkSecrets,
  checkFreeze,
];
