import { WaymarkError } from '../../model/errors.ts';
import { type CallRecord, checkGranted } from './call-records.ts';
import type { KvPlace, KvStore } from './kv-store.ts';
import { maybeNumberIn, maybeTextIn, type Params, textIn } from './params.ts';

const LIMIT_BYTES = 1024 * 1024;
const LONGEST_KEY = 512;
const MOST_KEYS = 1000;
const DEFAULT_KEYS = 100;

/** Values that outlive a guest: JSON, of one binding alone. */
export function kvCallbacks(kv: KvStore) {
  return {
    'host.kv.get': async (record: CallRecord, params: Params) => {
      const value = await kv.find(placeOf(record), keyIn(params));
      return { value: value === undefined ? null : (JSON.parse(value) as unknown) };
    },

    'host.kv.set': async (record: CallRecord, params: Params) => {
      const value = JSON.stringify(params['value'] ?? null);
      if (await kv.put(placeOf(record), keyIn(params), value, LIMIT_BYTES)) return {};
      throw new WaymarkError('VAL_TOO_LARGE', 'a binding keeps at most 1 MiB: delete some of it');
    },

    'host.kv.delete': async (record: CallRecord, params: Params) => ({
      isDeleted: await kv.remove(placeOf(record), keyIn(params)),
    }),

    'host.kv.list': async (record: CallRecord, params: Params) => {
      const prefix = maybeTextIn(params, 'prefix', LONGEST_KEY) ?? '';
      const after = maybeTextIn(params, 'after', LONGEST_KEY) ?? '';
      const limit = Math.floor(maybeNumberIn(params, 'limit', 1, MOST_KEYS) ?? DEFAULT_KEYS);
      // One more than asked for tells whether there is a next page.
      const found = await kv.keys(placeOf(record), { prefix, after, limit: limit + 1 });
      const keys = found.slice(0, limit);
      return { keys, next: found.length > limit ? keys.at(-1)! : null };
    },
  };
}

/** PostgreSQL stores no NUL, and half a surrogate pair is no text. */
function keyIn(params: Params): string {
  const key = textIn(params, 'key', LONGEST_KEY);
  if (key !== '' && !/\p{Cc}/u.test(key) && key.isWellFormed()) return key;
  throw new WaymarkError('VAL_FAILED', 'key: must be a text without control characters');
}

function placeOf(record: CallRecord): KvPlace {
  checkGranted(record, 'kv');
  const { guest, binding } = record;
  return {
    org: guest.org,
    source: guest.source,
    pluginId: guest.manifest.id,
    scope: binding.scope,
    binding: binding.id,
  };
}
