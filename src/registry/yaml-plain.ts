import type { Alias, Node, Pair, YAMLMap } from 'yaml';
import { isAlias, isMap, isScalar, isSeq } from './yaml-build.ts';
import { YAML_LIMITS, type YamlFault } from './yaml-guard.ts';

/** Nodes that aliases may add: each could otherwise double what the last one made. */
const EXPANDED_NODES = 10_000;

export const offsetAt = (node: Node): number => node.range?.[0] ?? 0;

/**
 * As `Document.toJS`, but what JSON cannot say, or would say ambiguously, is a
 * fault; and an alias is copied rather than shared, so that the bounds hold for
 * whoever walks or prints the value.
 */
export class PlainReader {
  readonly faults: YamlFault[] = [];
  readonly #anchors = new Map<string, Node>();
  #isExpanding = false;
  #expanded = 0;

  read(node: Node | null, depth = 1): unknown {
    if (this.#isExpanding) this.#expanded++;
    if (isScalar(node)) {
      this.#declare(node);
      return this.#scalar(node.value, node);
    }
    if (isAlias(node)) return this.#expand(node, depth);
    if (!isMap(node) && !isSeq(node)) return null;
    if (depth > YAML_LIMITS.depth) return this.#tooMuch(node);

    this.#declare(node);
    if (isMap(node)) return this.#map(node as YAMLMap<Node, Node | null>, depth);
    return node.items.map((item) => this.read(item as Node, depth + 1));
  }

  #map(node: YAMLMap<Node, Node | null>, depth: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (const pair of node.items) {
      const name = this.#key(pair, map);
      if (name !== undefined) map[name] = this.read(pair.value, depth + 1);
    }
    return map;
  }

  #key({ key }: Pair<Node, unknown>, map: object): string | undefined {
    const name = isScalar(key) && typeof key.value === 'string' ? key.value : '';
    if (Object.hasOwn(map, name)) {
      this.#fault('yaml-duplicate-key', key, `the key ${name} stands twice in this map`);
    } else if (name === '<<' && isScalar(key) && key.type === 'PLAIN') {
      const hint = 'write the fields out';
      this.#fault('yaml-merge-key', key, 'merge keys (<<) are not part of YAML 1.2', hint);
    } else if (name === '__proto__') {
      this.#fault('yaml-reserved-key', key, 'the key __proto__ is not allowed');
    } else return name;
    return undefined;
  }

  #scalar(value: unknown, node: Node): unknown {
    if (typeof value === 'number' && !isExact(value)) {
      this.#fault('yaml-number', node, 'this number has no exact value', 'write it in quotes');
    }
    if (typeof value === 'string' && !value.isWellFormed()) {
      this.#fault('yaml-text', node, 'an escape stands for half a character');
    }
    return value;
  }

  /** Anchors are looked up by name while reading, so a second meaning would depend on the order. */
  #declare(node: Node & { anchor?: string }): void {
    if (node.anchor === undefined || this.#isExpanding) return;
    if (this.#anchors.has(node.anchor)) {
      this.#fault('yaml-anchor', node, `the anchor &${node.anchor} is given twice`);
    }
    this.#anchors.set(node.anchor, node);
  }

  #expand(alias: Alias, depth: number): unknown {
    const source = this.#anchors.get(alias.source);
    if (!source) {
      return this.#fault('yaml-alias', alias, `no anchor &${alias.source} stands before this`);
    }
    if (this.#expanded > EXPANDED_NODES) return this.#tooMuch(alias);
    const wasExpanding = this.#isExpanding;
    this.#isExpanding = true;
    const value = this.read(source, depth);
    this.#isExpanding = wasExpanding;
    return value;
  }

  /** Once only: each of the copies would say the same again. */
  #tooMuch(node: Node): null {
    if (this.faults.some(({ code }) => code === 'yaml-expansion')) return null;
    return this.#fault('yaml-expansion', node, 'the aliases expand to too much');
  }

  #fault(code: string, node: Node, message: string, hint?: string): null {
    const offset = offsetAt(node);
    this.faults.push({ code, offset, message, ...(hint === undefined ? {} : { hint }) });
    return null;
  }
}

/** Infinity and NaN are not; nor is an integer that a double rounds. */
const isExact = (value: number): boolean =>
  Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
