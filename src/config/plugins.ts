import type { KeyObject } from 'node:crypto';
import { resolve } from 'node:path';
import { isPluginId } from '../model/names.ts';
import { parsePluginKey } from '../signing/plugin-signature.ts';
import { ConfigError } from './config-error.ts';

/** What the operator says of server parts: the host folder's, and all orgs'. */
export interface PluginSettings {
  /** Absolute: a folder or an `<id>.tar.gz` for each. Null: none. */
  dir: string | null;
  /** Host plugins whose management routes may stand outside `/plugins/<id>/`. */
  unconfined: ReadonlySet<string>;
  /** Whether host plugins run without a signature; they get no network. */
  allowUnsigned: boolean;
  /** Whose signature makes a server part trusted. */
  keys: readonly KeyObject[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {ConfigError} for the first setting that is wrong */
export const pluginSettingsOf = (env: Environment): PluginSettings => ({
  dir: env['WAYMARK_PLUGINS_DIR'] ? resolve(env['WAYMARK_PLUGINS_DIR']) : null,
  unconfined: new Set(entriesOf(env['WAYMARK_PLUGINS_UNCONFINED']).map(checkId)),
  allowUnsigned: isOn(env['WAYMARK_PLUGINS_ALLOW_UNSIGNED'] || '0'),
  keys: entriesOf(env['WAYMARK_PLUGIN_KEYS']).map(readKey),
});

const entriesOf = (text = ''): string[] =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');

function checkId(id: string): string {
  if (isPluginId(id)) return id;
  throw new ConfigError(`WAYMARK_PLUGINS_UNCONFINED: ${id} is no plugin's id`);
}

function isOn(text: string): boolean {
  if (/^(1|true)$/.test(text)) return true;
  if (/^(0|false)$/.test(text)) return false;
  throw new ConfigError(`WAYMARK_PLUGINS_ALLOW_UNSIGNED is ${text}: give 1, or leave it out`);
}

function readKey(text: string): KeyObject {
  try {
    return parsePluginKey(text);
  } catch (cause) {
    const message = `WAYMARK_PLUGIN_KEYS: ${text} is no key: give 32 bytes in base64, as \`waymark plugin keygen\` prints them`;
    throw new ConfigError(message, { cause });
  }
}
