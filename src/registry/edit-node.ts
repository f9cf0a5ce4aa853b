import { YAML_LIMITS } from './yaml-guard.ts';

/**
 * A document's value while it is edited. Nodes never change: an edit makes new
 * ones on the way to the root, so a node that is the very one that was read is
 * printed as it was written.
 */
export type EditNode = ScalarNode | MapNode | SeqNode;
export type CollectionNode = MapNode | SeqNode;

interface Measured {
  /** Nodes and characters: what printing it costs. */
  size: number;
  /** Collections above each other; 0 for a scalar. */
  height: number;
}

export interface ScalarNode extends Measured {
  kind: 'scalar';
  value: string | number | boolean | null;
  /** How it is, or was, written: `QUOTE_DOUBLE`, `BLOCK_LITERAL`, … */
  style?: string;
  source?: Source;
}

export interface MapNode extends Measured {
  kind: 'map';
  slots: ReadonlyMap<string, Slot>;
  source?: Source;
}

export interface SeqNode extends Measured {
  kind: 'seq';
  slots: readonly Slot[];
  source?: Source;
}

/** A value's place in a collection. `part` is the piece of text that it was read from. */
export interface Slot {
  node: EditNode;
  part?: Part;
}

/** Where a node was read. Offsets into the text; `end` is behind it. */
export interface Source {
  start: number;
  end: number;
  /** `alias`: what it stands for was written elsewhere. */
  form: 'block' | 'inline' | 'alias';
  /** Of its first character in its line. */
  column: number;
  /** Of a block: false beside a dash, `- a: 1`. */
  hasOwnLine: boolean;
  /** In the text's order; none for a scalar. */
  parts: readonly Part[];
}

/** One item of a collection as it is written. */
export interface Part {
  owner: Source;
  /** None in a list. */
  key: string | undefined;
  node: EditNode;
  /** From the comments above to behind the line end; in a flow collection the item alone. */
  start: number;
  end: number;
  /** The comments that stand directly above it, at its own column. */
  comments: number;
  /** Of its key or dash. */
  item: number;
  /** Behind the `:` or the dash. */
  mark: number;
  /** Without the line's comment. */
  valueStart: number;
  valueEnd: number;
  /** The comment of its first line, with the spaces before it. */
  comment: string;
}

export const scalarNode = (
  value: ScalarNode['value'],
  more: Partial<ScalarNode> = {},
): ScalarNode => ({
  kind: 'scalar',
  value,
  size: 1 + (typeof value === 'string' ? value.length : 0),
  height: 0,
  ...more,
});

export function mapNode(slots: ReadonlyMap<string, Slot>, source?: Source): MapNode {
  let size = 1;
  let height = 0;
  for (const [key, { node }] of slots) {
    size += key.length + node.size;
    height = Math.max(height, node.height);
  }
  return { kind: 'map', slots, size, height: height + 1, ...kept(source) };
}

export function seqNode(slots: readonly Slot[], source?: Source): SeqNode {
  let size = 1;
  let height = 0;
  for (const { node } of slots) {
    size += node.size;
    height = Math.max(height, node.height);
  }
  return { kind: 'seq', slots, size, height: height + 1, ...kept(source) };
}

/** An alias cannot be edited: its text is what it stands for, written once for all. */
const kept = (source: Source | undefined): { source?: Source } =>
  source && source.form !== 'alias' ? { source } : {};

/** The same value, to be printed anew. */
export function withoutSource(node: EditNode): EditNode {
  if (node.kind === 'scalar') return scalarNode(node.value);
  if (node.kind === 'seq') {
    return seqNode(node.slots.map((slot) => ({ node: withoutSource(slot.node) })));
  }
  const slots = [...node.slots].map(
    ([key, slot]) => [key, { node: withoutSource(slot.node) }] as const,
  );
  return mapNode(new Map(slots));
}

/** @throws {RangeError} for a value that nests deeper than a document may */
export function nodeOf(value: unknown, depth = 0): EditNode {
  if (typeof value !== 'object' || value === null) return scalarNode(value as ScalarNode['value']);
  if (depth === YAML_LIMITS.depth) throw new RangeError('the value nests too deeply');
  if (Array.isArray(value))
    return seqNode(value.map((item) => ({ node: nodeOf(item, depth + 1) })));
  const slots = Object.entries(value).map(
    ([key, item]) => [key, { node: nodeOf(item, depth + 1) }] as const,
  );
  return mapNode(new Map(slots));
}

export function plainOf(node: EditNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'seq') return node.slots.map((slot) => plainOf(slot.node));
  return Object.fromEntries([...node.slots].map(([key, slot]) => [key, plainOf(slot.node)]));
}

/** As JSON values: the order of keys means nothing. */
export function isEqual(a: EditNode, b: EditNode): boolean {
  if (a === b) return true;
  // A map's size does not depend on its order.
  if (a.size !== b.size || a.height !== b.height) return false;
  if (a.kind === 'scalar') return b.kind === 'scalar' && a.value === b.value;
  if (a.kind === 'seq') {
    if (b.kind !== 'seq' || a.slots.length !== b.slots.length) return false;
    return a.slots.every(({ node }, i) => isEqual(node, b.slots[i]!.node));
  }
  if (b.kind !== 'map' || a.slots.size !== b.slots.size) return false;
  return [...a.slots].every(([key, { node }]) => {
    const other = b.slots.get(key);
    return other !== undefined && isEqual(node, other.node);
  });
}

/**
 * `wanted`, written as far as possible as `before` is: what is equal stays as
 * it was read, so that its comments and its form live on.
 */
export function revise(before: EditNode, wanted: EditNode): EditNode {
  if (isEqual(before, wanted)) return before;
  if (before.kind === 'map' && wanted.kind === 'map') return reviseMap(before, wanted);
  if (before.kind === 'seq' && wanted.kind === 'seq') return reviseSeq(before, wanted);
  if (before.kind === 'scalar' && wanted.kind === 'scalar' && before.style) {
    return { ...wanted, style: before.style };
  }
  return wanted;
}

function reviseMap(before: MapNode, wanted: MapNode): MapNode {
  const slots = new Map<string, Slot>();
  for (const [key, slot] of before.slots) {
    const next = wanted.slots.get(key);
    if (next) slots.set(key, { ...slot, node: revise(slot.node, next.node) });
  }
  for (const [key, slot] of wanted.slots) if (!slots.has(key)) slots.set(key, slot);
  return mapNode(slots, before.source);
}

/** What is equal at both ends stays; between them the items are taken for each other in order. */
function reviseSeq(before: SeqNode, wanted: SeqNode): SeqNode {
  const olds = before.slots;
  const news = wanted.slots;
  const most = Math.min(olds.length, news.length);
  let head = 0;
  while (head < most && isEqual(olds[head]!.node, news[head]!.node)) head++;
  let tail = 0;
  const same = (i: number) => isEqual(olds.at(-i)!.node, news.at(-i)!.node);
  while (tail < most - head && same(tail + 1)) tail++;
  const slots = news.map((slot, i) => {
    if (i >= news.length - tail) return olds[olds.length - (news.length - i)]!;
    const old = i < olds.length - tail ? olds[i] : undefined;
    return old ? { ...old, node: revise(old.node, slot.node) } : slot;
  });
  return seqNode(slots, before.source);
}
