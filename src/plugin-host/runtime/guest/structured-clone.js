// @ts-check

import { DOMException } from './abort.js';
import { bytesOf } from './bytes.js';

/**
 * A deep copy of data, with its cycles.
 *
 * @param {any} value
 * @param {Map<any, any>} [copies]
 * @returns {any}
 */
export function structuredClone(value, copies = new Map()) {
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw new DOMException(`${String(value)} could not be cloned.`, 'DataCloneError');
  }
  if (typeof value !== 'object' || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  const copy = emptyLike(value);
  copies.set(value, copy);
  const cloned = (/** @type {any} */ part) => structuredClone(part, copies);
  if (value instanceof Map) for (const [key, one] of value) copy.set(cloned(key), cloned(one));
  else if (value instanceof Set) for (const one of value) copy.add(cloned(one));
  else if (!isLeaf(value)) for (const key of Object.keys(value)) copy[key] = cloned(value[key]);
  return copy;
}

/** @param {object} value */
const isLeaf = (value) =>
  value instanceof Date ||
  value instanceof RegExp ||
  value instanceof ArrayBuffer ||
  ArrayBuffer.isView(value) ||
  value instanceof Error;

/** @param {any} value */
function emptyLike(value) {
  if (Array.isArray(value)) return Object.assign([], { length: value.length });
  if (value instanceof Map) return new Map();
  if (value instanceof Set) return new Set();
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof RegExp) return new RegExp(value.source, value.flags);
  if (value instanceof ArrayBuffer) return value.slice(0);
  if (value instanceof DataView) return new DataView(bytesOf(value));
  if (ArrayBuffer.isView(value)) return new /** @type {any} */ (value).constructor(bytesOf(value));
  if (value instanceof Error) {
    const known = /** @type {any} */ (globalThis)[value.name];
    const make = typeof known === 'function' && known.prototype instanceof Error ? known : Error;
    return new make(value.message);
  }
  return {};
}
