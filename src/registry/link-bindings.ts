import { validRange } from 'semver';
import type { Diagnostic } from '../model/diagnostic.ts';
import { findNearest } from '../model/nearest.ts';
import { BUILTIN_PLUGINS, findBuiltinByType, pluginOfType } from './builtin-plugins.ts';
import { checkBuiltinConfig, findLiterals } from './check-config.ts';
import { type Finding, fieldOf, toPointer } from './finding.ts';
import type { JsonSchema } from './server-manifest/manifest.ts';
import { type ConfigDocument, documentsOf } from './snapshot.ts';
import { pointError, type Unlinked } from './unlinked.ts';

/**
 * Bindings of server parts, against what is known of these without running
 * them. Others may lie on the host, so that one that is not known is a warning.
 */
export function linkBindings(tree: Unlinked): Diagnostic[] {
  const [registry] = documentsOf(tree, 'Registry');
  const plugins = registry?.spec.plugins ?? {};
  return [
    ...(registry ? linkOrgPlugins(tree, registry) : []),
    ...documentsOf(tree, 'Namespace').flatMap((document) => linkNamespace(tree, document, plugins)),
    ...documentsOf(tree, 'Integration').flatMap((document) =>
      linkIntegration(tree, document, plugins),
    ),
  ];
}

type Plugins = NonNullable<ConfigDocument<'Registry'>['spec']['plugins']>;

function linkOrgPlugins(tree: Unlinked, registry: ConfigDocument<'Registry'>): Diagnostic[] {
  return Object.entries(registry.spec.plugins ?? {}).flatMap(([id, plugin]) => {
    const at = ['spec', 'plugins', id];
    return [
      ...linkPlugin(tree, registry, at, plugin.config),
      ...linkVersion(tree, registry, at, plugin),
    ];
  });
}

function linkNamespace(
  tree: Unlinked,
  document: ConfigDocument<'Namespace'>,
  plugins: Plugins,
): Diagnostic[] {
  return Object.entries(document.spec.plugins ?? {}).flatMap(([id, { config }]) => {
    const at = ['spec', 'plugins', id];
    return [
      ...linkPlugin(tree, document, at, config ?? {}),
      ...linkEnabled(plugins, id, document, at),
    ];
  });
}

function linkEnabled(
  plugins: Plugins,
  id: string,
  document: ConfigDocument,
  at: readonly string[],
): Diagnostic[] {
  if (Object.hasOwn(plugins, id) && plugins[id]!.enabled !== false) return [];
  const message = `${id} is off: registry.yaml does not enable it in spec.plugins`;
  return [warning(document, at, 'plugin-off', message)];
}

/** What `at` binds, by its last name. */
function linkPlugin(
  tree: Unlinked,
  document: ConfigDocument,
  at: readonly string[],
  config: unknown,
): Diagnostic[] {
  const id = at.at(-1)!;
  const builtin = BUILTIN_PLUGINS.get(id);
  const server = tree.plugins.get(id)?.server;
  if (!builtin && !server) {
    const nearest = findNearest(id, [...BUILTIN_PLUGINS.keys(), ...serverParts(tree)]);
    const message = `no server part is named ${id}, unless the host has one`;
    return [warning(document, at, 'unknown-plugin', message, nearest)];
  }
  if (config === undefined) return [];
  const place = [...at, 'config'];
  return errorsAt(
    document,
    builtin
      ? checkBuiltinConfig(builtin.configSchema, config, place)
      : findLiterals(server?.configSchema ?? {}, config, place),
  );
}

const serverParts = ({ plugins }: Unlinked): string[] =>
  [...plugins].flatMap(([id, { server }]) => (server ? [id] : []));

/** One that is neither a version nor a channel would admit nothing, and say nothing. */
function linkVersion(
  tree: Unlinked,
  registry: ConfigDocument,
  at: readonly string[],
  { version, allowUnreleased }: Plugins[string],
): Diagnostic[] {
  const pointer = [...at, 'version'];
  if (version === undefined || validRange(version) !== null) return [];
  if (version === 'rolling') {
    if (allowUnreleased) return [];
    const message = `${fieldOf(pointer)} takes code that was never released`;
    const hint = 'if that is meant, say allowUnreleased: true beside it';
    return errorsAt(registry, [{ code: 'unreleased', pointer, of: 'value', message, hint }]);
  }
  const channels = ['stable', ...documentsOf(tree, 'Channel').map(({ name }) => name)];
  if (channels.includes(version)) return [];
  const message = `${version} is neither a version nor a range, and no channel is named so`;
  const nearest = findNearest(version, channels);
  const finding = { code: 'unknown-channel', pointer, of: 'value', message } as const;
  return errorsAt(registry, [nearest ? { ...finding, hint: `did you mean ${nearest}?` } : finding]);
}

function linkIntegration(
  tree: Unlinked,
  document: ConfigDocument<'Integration'>,
  plugins: Plugins,
): Diagnostic[] {
  const { type, config = {}, credentials = {} } = document.spec;
  const at = ['spec', 'type'];
  const builtin = findBuiltinByType(type);
  const known = builtin?.configSchema ?? findType(tree, type);
  if (!known) {
    const types = [...BUILTIN_PLUGINS.values()].flatMap((plugin) => plugin.type ?? []);
    const message = `no integration type is named ${type}, unless the host has it`;
    return [warning(document, at, 'unknown-type', message, findNearest(type, types))];
  }
  const place = ['spec', 'config'];
  const findings = builtin
    ? [
        ...checkBuiltinConfig(known, config, place),
        ...checkBuiltinConfig(builtin.credentialsSchema ?? NOTHING, credentials, [
          'spec',
          'credentials',
        ]),
      ]
    : findLiterals(known, config, place);
  return [
    ...errorsAt(document, findings),
    ...linkEnabled(plugins, pluginOfType(type), document, at),
  ];
}

const NOTHING = { type: 'object', additionalProperties: false };

/** The config schema of a type that a server part of this registry has. */
function findType({ plugins }: Unlinked, type: string): JsonSchema | undefined {
  const [plugin = '', ...rest] = type.split('.');
  const server = plugins.get(plugin)?.server;
  const name = rest.join('.');
  const found = server?.integrationTypes.find((one) => one.name === name);
  if (found) return found.configSchema ?? {};
  return name === 'default' ? server?.configSchema : undefined;
}

const errorsAt = ({ path }: ConfigDocument, findings: readonly Finding[]): Diagnostic[] =>
  findings.map(({ pointer, code, message, hint }) =>
    pointError(path, toPointer(pointer), code, message, hint),
  );

function warning(
  { path }: ConfigDocument,
  at: readonly string[],
  code: string,
  message: string,
  nearest?: string,
): Diagnostic {
  const hint = nearest && `did you mean ${nearest}?`;
  return { ...pointError(path, toPointer(at), code, message, hint), severity: 'warning' };
}
