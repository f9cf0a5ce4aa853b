import type { BindingRef } from '../contract/wire.ts';
import type { PluginSource } from '../hosted-plugin.ts';

/** Whose values: one binding's of one plugin, and of one source, so that no other plugin of its id reads them. */
export interface KvPlace {
  org: string;
  source: PluginSource;
  pluginId: string;
  scope: BindingRef['scope'];
  binding: string;
}

export interface KvStore {
  /** JSON text. */
  find(place: KvPlace, key: string): Promise<string | undefined>;
  /**
   * False, and nothing written, where all keys and values of the place together
   * would be more than `limitBytes` of UTF-8.
   */
  put(place: KvPlace, key: string, value: string, limitBytes: number): Promise<boolean>;
  remove(place: KvPlace, key: string): Promise<boolean>;
  /** At most `limit` keys with the prefix, by their bytes, from the first one past `after`. */
  keys(place: KvPlace, wanted: { prefix: string; after: string; limit: number }): Promise<string[]>;
  /** Those that have values, whatever plugin's. */
  bindings(org: string): Promise<BindingRef[]>;
  /** Takes all of a binding's values away, whatever plugin's. */
  clear(org: string, ref: BindingRef): Promise<void>;
}
