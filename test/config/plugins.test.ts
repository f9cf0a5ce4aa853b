import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../../src/config/config.ts';
import { createPluginKey, parsePluginKey } from '../../src/signing/plugin-signature.ts';

const { publicKey: key } = createPluginKey();

describe('readConfig, of plugins', () => {
  it('reads where they lie, who signs them, and what they may', () => {
    const { plugins } = readConfig({
      WAYMARK_PLUGINS_DIR: './plugins',
      WAYMARK_PLUGINS_UNCONFINED: 'proxy, console-plus',
      WAYMARK_PLUGINS_ALLOW_UNSIGNED: '1',
      WAYMARK_PLUGIN_KEYS: `${key},${key}`,
    });

    expect(plugins).toEqual({
      dir: resolve('plugins'),
      unconfined: new Set(['proxy', 'console-plus']),
      allowUnsigned: true,
      keys: [parsePluginKey(key), parsePluginKey(key)],
    });
  });

  it.each([
    [
      { WAYMARK_PLUGINS_UNCONFINED: 'Proxy' },
      "WAYMARK_PLUGINS_UNCONFINED: Proxy is no plugin's id",
    ],
    [
      { WAYMARK_PLUGINS_ALLOW_UNSIGNED: 'yes' },
      'WAYMARK_PLUGINS_ALLOW_UNSIGNED is yes: give 1, or leave it out',
    ],
    [
      { WAYMARK_PLUGIN_KEYS: 'c2hvcnQ=' },
      'WAYMARK_PLUGIN_KEYS: c2hvcnQ= is no key: give 32 bytes in base64, as `waymark plugin keygen` prints them',
    ],
  ])('refuses %j', (env, sentence) => {
    expect(() => readConfig(env)).toThrow(new ConfigError(sentence));
  });
});
