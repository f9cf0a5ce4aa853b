import { Scalar, stringify } from 'yaml';
import {
  type CollectionNode,
  type EditNode,
  type Part,
  plainOf,
  type ScalarNode,
  type Slot,
  type Source,
} from './edit-node.ts';
import { lineStart, type YamlStyle } from './yaml-tree.ts';

/**
 * The text of an edited document: what is as it was read stands as it was
 * written, and the rest in the style of what is around it.
 *
 * @param text what `before` was read from
 */
export function printYaml(
  text: string,
  { before, after, style }: { before: EditNode; after: EditNode; style: YamlStyle },
): string {
  const source = before.source!;
  const printer = new Printer(text, style);
  const isSame = after.source === source;
  const start = source.form === 'block' ? source.parts[0]!.start : source.start;
  const rest = text.slice(source.end);
  if (!isBlock(after)) {
    const end = source.form === 'block' ? '\n' : '';
    return text.slice(0, start) + printer.inline(after, 0) + end + rest;
  }
  const lines = printer.lines(after);
  const isInLine = isSame && !source.hasOwnLine;
  const head = text.slice(0, start) + (isInLine ? lines.trimStart() : lines);
  return head + (isSame ? rest : rest.replace(/^\n/, ''));
}

/** What is printed item by item, each on lines of its own. */
function isBlock(node: EditNode): node is CollectionNode {
  if (node.kind === 'scalar' || node.source?.form === 'alias') return false;
  const isEmpty = node.kind === 'map' ? node.slots.size === 0 : node.slots.length === 0;
  return !isEmpty && !isFlow(node);
}

/** Written in brackets. `{}` is not: it says nothing about how its author would write more. */
const isFlow = (node: EditNode): node is CollectionNode & { source: Source } =>
  node.kind !== 'scalar' && node.source?.form === 'inline' && node.source.parts.length > 0;

interface Line {
  /** Of the collection that the item stands in. */
  column: number;
  isList: boolean;
  /** Where it was read, if that is this very collection. */
  own: Part | undefined;
  comment: string;
}

class Printer {
  readonly #text: string;
  readonly #style: YamlStyle;

  constructor(text: string, style: YamlStyle) {
    this.#text = text;
    this.#style = style;
  }

  /** A collection's items at the column that it was read at, or at 0. */
  lines(node: CollectionNode): string {
    const owner = node.source?.form === 'block' ? node.source : undefined;
    const kept = new Set(slotsOf(node).flatMap(([, { part }]) => part ?? []));
    const gone = (owner?.parts ?? []).filter((part) => !kept.has(part));
    const printed: string[] = [];
    // A file's last line may have no end.
    const print = (lines: string) => {
      if (lines === '') return;
      printed.push(printed.at(-1)?.endsWith('\n') === false ? `\n${lines}` : lines);
    };
    for (const [key, slot] of slotsOf(node)) {
      const isOwn = isAt(slot.part, owner, key);
      // Comments that belong to no item stay where they are.
      while (isOwn && gone[0] && gone[0].item < slot.part!.item) print(this.#loose(gone.shift()!));
      print(this.#item(key, slot, owner));
    }
    for (const part of gone) print(this.#loose(part));
    return printed.join('');
  }

  #loose({ start, comments }: Part): string {
    const above = this.#text.slice(start, comments);
    return above.includes('#') ? above : '';
  }

  #item(key: string | undefined, { node, part }: Slot, owner: Source | undefined): string {
    const column = owner?.column ?? 0;
    const indent = ' '.repeat(column);
    const isList = key === undefined;
    if (part && isAt(part, owner, key)) {
      const line = lineStart(this.#text, part.item);
      const above = this.#text.slice(part.start, line);
      if (node === part.node) return above + indent + this.#text.slice(part.item, part.end);
      const mark = this.#text.slice(part.item, part.mark);
      const { comment } = part;
      return above + indent + mark + this.#value(node, { column, isList, own: part, comment });
    }
    const mark = isList ? '-' : `${keyText(key)}:`;
    const comment = part?.comment ?? '';
    const from = part?.owner.column ?? 0;
    const value = this.#value(node, { column: from, isList, own: undefined, comment });
    const above = part ? this.#text.slice(part.comments, lineStart(this.#text, part.item)) : '';
    return shift(above, column - from) + indent + mark + shiftRest(value, column - from);
  }

  /** What follows the `:` or the dash, with the line's end. */
  #value(node: EditNode, { column, isList, own, comment }: Line): string {
    if (isBlock(node)) return this.#blockValue(node, { column, isList, own, comment });
    const gap = own ? this.#text.slice(own.mark, own.valueStart) : '';
    const text = this.inline(node, column);
    const value = (/^ +$/.test(gap) ? gap : ' ') + text;
    // The comment of a text block stands in its first line.
    if (!text.endsWith('\n')) return `${value}${comment}\n`;
    return node.source ? value : value.replace('\n', `${comment}\n`);
  }

  #blockValue(node: CollectionNode, { column, isList, own, comment }: Line): string {
    const lines = this.lines(node);
    const source = node.source?.form === 'block' ? node.source : undefined;
    if (own && source && source === own.node.source) {
      const above = this.#text.slice(own.mark, source.parts[0]!.start);
      return above + (source.hasOwnLine ? lines : lines.trimStart());
    }
    const step = isList ? 2 : this.#style[node.kind === 'map' ? 'mapStep' : 'listStep'];
    const shifted = shift(lines, column + step - (source?.column ?? 0));
    return isList && comment === '' ? ` ${shifted.trimStart()}` : `${comment}\n${shifted}`;
  }

  /** A value that begins in the line of its key or dash, whose collection stands at `column`. */
  inline(node: EditNode, column: number): string {
    const { source } = node;
    if (node.kind === 'scalar' || source?.form === 'alias') {
      if (source) return this.#text.slice(source.start, source.end);
      return shiftRest(scalarText(node as ScalarNode, this.#style.mapStep), column);
    }
    if (isFlow(node)) return this.#flow(node, node.source);
    return node.kind === 'map' ? '{}' : '[]';
  }

  /** A flow collection, with the spaces, line ends and comments between what stays. */
  #flow(node: CollectionNode, source: Source): string {
    const { start, end, parts } = source;
    const text = this.#text;
    const [first, last] = [parts[0]!, parts.at(-1)!];
    const opening = text.slice(start, first.start);
    const apart = opening.includes('\n') ? `,${opening.slice(opening.lastIndexOf('\n'))}` : ', ';
    let out = '';
    let previous: Part | undefined;
    for (const [key, slot] of slotsOf(node)) {
      const own = isAt(slot.part, source, key) ? slot.part : undefined;
      const isNext = own && previous && parts[parts.indexOf(previous) + 1] === own;
      if (out !== '') out += isNext ? text.slice(previous!.end, own.start) : apart;
      out += own ? this.#flowItem(own, slot.node) : flowText(key, slot.node);
      previous = own;
    }
    if (out === '') return node.kind === 'map' ? '{}' : '[]';
    return opening + out + text.slice(last.end, end);
  }

  #flowItem(part: Part, node: EditNode): string {
    if (node === part.node) return this.#text.slice(part.start, part.end);
    const mark = this.#text.slice(part.start, part.mark);
    const gap = this.#text.slice(part.mark, part.valueStart);
    const isOwn = isFlow(node) && node.source === part.node.source;
    const value = isOwn ? this.#flow(node, node.source) : flowText(undefined, node);
    return mark + (gap === '' && mark !== '' ? ' ' : gap) + value;
  }
}

/** Whether a slot is in the collection that it was read from, and under the same key. */
const isAt = (part: Part | undefined, owner: Source | undefined, key: string | undefined) =>
  part !== undefined && part.owner === owner && part.key === key;

function slotsOf(node: CollectionNode): [key: string | undefined, Slot][] {
  if (node.kind === 'map') return [...node.slots];
  return node.slots.map((slot) => [undefined, slot]);
}

const PLAIN = { lineWidth: 0, version: '1.2', schema: 'core' } as const;

/** A key as it must be written to be read as this text. */
const keyText = (key: string): string =>
  stringify({ [key]: null }, { ...PLAIN, nullStr: '' }).replace(/: *\n$/, '');

/** Quoted as before, where it was; lines after the first stand at `indent`. */
function scalarText({ value, style }: ScalarNode, indent: number): string {
  const scalar = new Scalar(value);
  const isText = typeof value === 'string' && value.includes('\n');
  const isBlockStyle = style?.startsWith('BLOCK_') ?? false;
  if (style && typeof value === 'string' && isText === isBlockStyle) {
    scalar.type = style as Scalar.Type;
  }
  const text = stringify({ k: scalar }, { ...PLAIN, indent }).slice('k: '.length);
  return isText && /^[|>]/.test(text) ? text : text.trimEnd();
}

/** In one line, for a collection in brackets. */
function flowText(key: string | undefined, node: EditNode): string {
  const plain = plainOf(node);
  const value = key === undefined ? [plain] : { [key]: plain };
  const text = stringify(value, { ...PLAIN, collectionStyle: 'flow' }).trim();
  // Texts of several lines would begin anew at column 0; JSON is YAML as well.
  const line = text.includes('\n') ? JSON.stringify(value) : text;
  return line.slice(1, -1).trim();
}

/** Moves every line; empty ones have no column. */
function shift(lines: string, by: number): string {
  if (by >= 0) return lines.replace(/^(?=[^\n])/gm, ' '.repeat(by));
  return lines.replace(new RegExp(`^ {1,${-by}}`, 'gm'), '');
}

/** The first line begins elsewhere. */
function shiftRest(lines: string, by: number): string {
  const end = lines.indexOf('\n') + 1;
  return end === 0 ? lines : lines.slice(0, end) + shift(lines.slice(end), by);
}
