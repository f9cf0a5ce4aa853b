import type { Logger } from '../../audit/logger.ts';
import { invalidField, WaymarkError } from '../../model/errors.ts';
import type { CallRecord } from './call-records.ts';
import { maybeMapIn, type Params, textIn } from './params.ts';

const LONGEST_MESSAGE = 8192;
const LONGEST_FIELDS = 16_384;
const MOST_LINES = 100;

/** A plugin's line, in the server's own log and under the plugin's name. */
export function logCallbacks(log: Logger) {
  const lines = new WeakMap<CallRecord, number>();

  return {
    'host.log': async (record: CallRecord, params: Params) => {
      const line = (lines.get(record) ?? 0) + 1;
      lines.set(record, line);
      // A loop would fill the disk.
      if (line > MOST_LINES) {
        throw new WaymarkError('PLG_BUSY', `a call logs at most ${MOST_LINES} lines`);
      }
      const { guest, binding, requestId } = record;
      const message = textIn(params, 'message').slice(0, LONGEST_MESSAGE);
      const fields = maybeMapIn(params, 'fields') ?? {};
      // Below a name of their own: they say nothing of the server.
      const said = JSON.stringify(fields).length > LONGEST_FIELDS ? { isTooLong: true } : fields;
      const plugin = { id: guest.manifest.id, version: guest.version, fields: said };
      const facts = { org: guest.org, binding: binding.id, requestId, plugin };
      log[levelIn(params)](facts, message);
      return {};
    },
  };
}

/** The server's own log has no `debug`. */
const LEVELS = { debug: 'info', info: 'info', warn: 'warn', error: 'error' } as const;

function levelIn(params: Params): keyof Logger {
  const level = params['level'] ?? 'info';
  if (typeof level === 'string' && Object.hasOwn(LEVELS, level)) {
    return LEVELS[level as keyof typeof LEVELS];
  }
  throw invalidField('level', `must be one of ${Object.keys(LEVELS).join(', ')}`, 'enum');
}
