import { fail, ok, type Result } from '../model/result.ts';
import {
  type CollectionNode,
  type EditNode,
  isEqual,
  mapNode,
  nodeOf,
  revise,
  type Slot,
  seqNode,
  withoutSource,
} from './edit-node.ts';
import { YAML_LIMITS } from './yaml-guard.ts';

/** One operation of RFC 6902. Paths are RFC 6901 pointers. */
export type PatchStep =
  | { op: 'add' | 'replace' | 'test'; path: string; value: unknown }
  | { op: 'move' | 'copy'; path: string; from: string }
  | { op: 'remove'; path: string };

/** `step` is the index of the operation at fault. */
export interface PatchFault {
  step: number;
  message: string;
}

/** A copy can double what the one before it made; what is larger than a file may be is none. */
const MAX_SIZE = YAML_LIMITS.bytes;
/** Each step may copy a list as long as the document: a second of everyone's time. */
const MAX_WORK = 20_000_000;

/** All of the steps, or none: the first that cannot be made is the fault. */
export function applyPatch(
  root: EditNode,
  steps: readonly PatchStep[],
): Result<EditNode, PatchFault> {
  let edited = root;
  // With its aliases written out it may be larger than its file.
  const most = Math.max(MAX_SIZE, root.size);
  let work = 0;
  for (const [step, one] of steps.entries()) {
    try {
      edited = applyStep(edited, one);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return fail({ step, message: error.message });
    }
    work += edited.size;
    if (work > MAX_WORK) {
      return fail({ step, message: 'so many steps on so large a document: upsert the file' });
    }
    if (edited.size > most || edited.height > YAML_LIMITS.depth) {
      return fail({ step, message: 'the document becomes too large, or nests too deeply' });
    }
  }
  return ok(edited);
}

function applyStep(root: EditNode, step: PatchStep): EditNode {
  const path = parsePointer(step.path);
  switch (step.op) {
    case 'add':
      return add(root, path, { node: nodeOf(step.value) });
    case 'remove':
      return remove(root, path);
    case 'replace':
      find(root, path);
      return put(root, path, { node: nodeOf(step.value) });
    case 'copy':
      return add(root, path, find(root, parsePointer(step.from)));
    case 'move': {
      const from = parsePointer(step.from);
      const moved = find(root, from);
      if (step.path === step.from) return root;
      if (`${step.path}/`.startsWith(`${step.from}/`)) {
        throw new RangeError('a value cannot be moved into itself');
      }
      return add(remove(root, from), path, moved);
    }
    case 'test':
      if (isEqual(find(root, path).node, nodeOf(step.value))) return root;
      throw new RangeError(`the test failed: ${step.path || 'the document'} has another value`);
  }
}

/** @throws {RangeError} as all of this file, for what the document does not have */
function parsePointer(pointer: string): string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) {
    throw new RangeError(`${JSON.stringify(pointer)} is no JSON pointer`);
  }
  const names = pointer.slice(1).split('/');
  return names.map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function find(root: EditNode, path: readonly string[]): Slot {
  return path.reduce<Slot>((slot, name) => childOf(collection(slot.node, name), name), {
    node: root,
  });
}

function childOf(parent: CollectionNode, name: string): Slot {
  const found =
    parent.kind === 'map' ? parent.slots.get(name) : parent.slots[indexIn(parent.slots, name)];
  if (found) return found;
  throw new RangeError(`there is no ${name}`);
}

function collection(node: EditNode, name: string): CollectionNode {
  if (node.kind !== 'scalar') return node;
  throw new RangeError(`there is no ${name}: what should hold it is neither a map nor a list`);
}

/** An index that is there, as RFC 6901 writes it: without sign or leading zero. */
function indexIn(slots: readonly Slot[], name: string): number {
  const index = /^(0|[1-9]\d{0,9})$/.test(name) ? Number(name) : Number.NaN;
  if (index < slots.length) return index;
  throw new RangeError(`there is no item ${name} in a list of ${slots.length}`);
}

/** The root with another slot at a place that is there, or that a map gets. */
function put(root: EditNode, path: readonly string[], slot: Slot): EditNode {
  const [last] = path.slice(-1);
  if (last === undefined) return revise(root, withoutSource(slot.node));
  const above = path.slice(0, -1);
  const parent = collection(find(root, above).node, last);
  const before = parent.kind === 'map' ? parent.slots.get(last) : childOf(parent, last);
  return replaceNode(root, above, withSlot(parent, last, replaced(before, slot)));
}

/** In the place of another: with its comments, unless it brings its own. */
function replaced(before: Slot | undefined, slot: Slot): Slot {
  if (!before || slot.part) return slot;
  return { ...before, node: revise(before.node, slot.node) };
}

function withSlot(parent: CollectionNode, name: string, slot: Slot): CollectionNode {
  if (parent.kind === 'map') {
    return mapNode(new Map(parent.slots).set(name, slot), parent.source);
  }
  return seqNode(parent.slots.with(indexIn(parent.slots, name), slot), parent.source);
}

function add(root: EditNode, path: readonly string[], slot: Slot): EditNode {
  const [last] = path.slice(-1);
  if (last === undefined) return put(root, path, slot);
  const above = path.slice(0, -1);
  const parent = collection(find(root, above).node, last);
  if (parent.kind === 'map') return put(root, path, slot);
  const { slots } = parent;
  const index = last === '-' || last === String(slots.length) ? slots.length : indexIn(slots, last);
  return replaceNode(root, above, seqNode(slots.toSpliced(index, 0, slot), parent.source));
}

function remove(root: EditNode, path: readonly string[]): EditNode {
  const [last] = path.slice(-1);
  if (last === undefined) throw new RangeError('a document cannot be removed from its own file');
  const above = path.slice(0, -1);
  const parent = collection(find(root, above).node, last);
  childOf(parent, last);
  if (parent.kind === 'seq') {
    const slots = parent.slots.toSpliced(indexIn(parent.slots, last), 1);
    return replaceNode(root, above, seqNode(slots, parent.source));
  }
  const slots = new Map(parent.slots);
  slots.delete(last);
  return replaceNode(root, above, mapNode(slots, parent.source));
}

/** Another node at a place, which keeps its slot. */
function replaceNode(root: EditNode, path: readonly string[], node: EditNode): EditNode {
  const [name, ...rest] = path;
  if (name === undefined) return node;
  const parent = collection(root, name);
  const slot = childOf(parent, name);
  return withSlot(parent, name, { ...slot, node: replaceNode(slot.node, rest, node) });
}
