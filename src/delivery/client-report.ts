import { type ValidationError, WaymarkError } from '../model/errors.ts';
import type { Choice } from './resolve.ts';

export const ITEM_STATES = [
  'updated',
  'modified',
  'converged',
  'merged',
  'conflict',
  'suppressed',
  'removed',
  'orphaned',
  'collision',
] as const;

export interface ClientReport {
  index?: { channel: string; sequence: number };
  plugins: {
    pluginId: string;
    version?: string;
    contentDigest: string;
    items?: { configObjectId: string; digest: string; state: string; overrideDigest?: string }[];
  }[];
  errors?: unknown[];
  clientVersion?: string;
}

/** @throws {WaymarkError} `VAL_FAILED` with every field at fault */
export function parseReport(value: unknown): ClientReport {
  const errors: ValidationError[] = [];
  const need = (isGood: boolean, field: string, message: string) => {
    if (!isGood) errors.push({ field, message, code: 'type' });
    return isGood;
  };
  const report = value as ClientReport;
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (need(isObject, 'body', 'is no object')) {
    const { index } = report;
    if (index !== undefined) {
      need(typeof index?.channel === 'string', 'index.channel', 'is no text');
      need(Number.isSafeInteger(index?.sequence), 'index.sequence', 'is no whole number');
    }
    if (need(Array.isArray(report.plugins), 'plugins', 'is no list')) {
      for (const [i, plugin] of report.plugins.entries()) {
        checkPlugin(plugin, `plugins[${i}]`, need);
      }
    }
    need(report.errors === undefined || Array.isArray(report.errors), 'errors', 'is no list');
    need(isTextIfAny(report.clientVersion), 'clientVersion', 'is no text');
  }
  if (errors.length === 0) return report;
  throw new WaymarkError('VAL_FAILED', 'the report is malformed', {
    validationErrors: errors.slice(0, 50),
  });
}

const isTextIfAny = (value: unknown): boolean => value === undefined || typeof value === 'string';

type Need = (isGood: boolean, field: string, message: string) => boolean;

function checkPlugin(plugin: ClientReport['plugins'][number] | null, field: string, need: Need) {
  need(typeof plugin?.pluginId === 'string', `${field}.pluginId`, 'is no text');
  need(typeof plugin?.contentDigest === 'string', `${field}.contentDigest`, 'is no text');
  need(isTextIfAny(plugin?.version), `${field}.version`, 'is no text');
  const items = plugin?.items;
  if (items === undefined || !need(Array.isArray(items), `${field}.items`, 'is no list')) return;
  for (const [i, item] of items.entries()) {
    const at = `${field}.items[${i}]`;
    need(typeof item?.configObjectId === 'string', `${at}.configObjectId`, 'is no text');
    need(typeof item?.digest === 'string', `${at}.digest`, 'is no text');
    need(isTextIfAny(item?.overrideDigest), `${at}.overrideDigest`, 'is no text');
    const isState = ITEM_STATES.some((state) => state === item?.state);
    need(isState, `${at}.state`, `is none of ${ITEM_STATES.join(', ')}`);
  }
}

export interface Drift {
  pluginId: string;
  reason: 'outdated' | 'not_available' | 'modified';
  have?: string;
  want?: string;
  items?: string[];
}

/** Where a report differs from what the client should have. */
export function findDrift(report: ClientReport, choices: ReadonlyMap<string, Choice>): Drift[] {
  return report.plugins.flatMap(({ pluginId, contentDigest, items }): Drift[] => {
    const choice = choices.get(pluginId);
    if (!choice) return [{ pluginId, reason: 'not_available', have: contentDigest }];
    const { contentDigest: want } = choice;
    if (contentDigest !== want) {
      return [{ pluginId, reason: 'outdated', have: contentDigest, want }];
    }
    const modified = (items ?? []).filter(
      ({ state }) => state !== 'updated' && state !== 'converged',
    );
    if (modified.length === 0) return [];
    const ids = modified.map(({ configObjectId }) => configObjectId);
    return [{ pluginId, reason: 'modified', items: ids }];
  });
}
