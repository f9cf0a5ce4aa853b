import type { CST as Cst, Document, Node, Pair, YAMLMap, YAMLSeq } from 'yaml';
import {
  type EditNode,
  mapNode,
  type Part,
  type Slot,
  type Source,
  scalarNode,
  seqNode,
  withoutSource,
} from './edit-node.ts';
import { isAlias, isMap, isScalar } from './yaml-build.ts';

/** What the author's own blocks look like, for those that come new. */
export interface YamlStyle {
  /** Spaces by which a map stands within a map, and a list within a map. */
  mapStep: number;
  listStep: number;
}

/** A document's tree, every node with its place in the text. `document` was accepted by `readYaml`. */
export function readTree(text: string, document: Document): { root: EditNode; style: YamlStyle } {
  const reader = new TreeReader(text, document);
  const root = reader.read(document.contents as Node);
  const { mapStep = 2, listStep = 2 } = reader.style;
  return { root, style: { mapStep, listStep } };
}

type Collection = YAMLMap<Node, Node | null> | YAMLSeq<Node>;

/** Offsets of what a part is made of, before its surroundings are known. */
interface Extent {
  key: string | undefined;
  /** Of the key, the dash, or the value. */
  item: number;
  mark: number;
  /** Null in `{a}`. */
  value: Node | null;
}

type Place = Omit<Source, 'form'>;

class TreeReader {
  readonly style: Partial<YamlStyle> = {};
  readonly #text: string;
  readonly #document: Document;
  /** The line that was asked for last, from its start to behind its end. */
  #line = { start: 0, end: 0 };

  constructor(text: string, document: Document) {
    this.#text = text;
    this.#document = document;
  }

  read(node: Node): EditNode {
    const [start, end] = node.range!;
    const column = start - this.#lineOf(start);
    const place: Place = { start, end, column, hasOwnLine: false, parts: [] };
    if (isScalar(node)) {
      const { value, type } = node as { value: string; type?: string };
      const source: Source = { ...place, form: 'inline' };
      return scalarNode(value, { source, ...(type === undefined ? {} : { style: type }) });
    }
    if (isAlias(node)) {
      // Without its own place in the text, which is the anchor's.
      const meant = withoutSource(this.read(node.resolve(this.#document)!));
      return { ...meant, source: { ...place, form: 'alias' } };
    }
    const collection = node as Collection;
    return collection.flow ? this.#flow(collection, place) : this.#block(collection, place);
  }

  /** One line may hold all of a file, and every node asks where it starts. */
  #lineOf(offset: number): number {
    if (offset < this.#line.start || offset >= this.#line.end) {
      this.#line = { start: lineStart(this.#text, offset), end: lineEnd(this.#text, offset) };
    }
    return this.#line.start;
  }

  #readValue({ mark, value }: Extent): { node: EditNode; valueStart: number; valueEnd: number } {
    const [start, end] = value?.range ?? [mark, mark];
    // One that is left out: its place may be behind comments.
    if (start === end) return { node: scalarNode(null), valueStart: mark, valueEnd: mark };
    return { node: this.read(value!), valueStart: start, valueEnd: end };
  }

  #flow(node: Collection, place: Place): EditNode {
    const parts: Part[] = [];
    const owner: Source = { ...place, form: 'inline', parts };
    for (const extent of extentsOf(node)) {
      const { key, item, mark } = extent;
      const value = this.#readValue(extent);
      const end = Math.max(mark, value.valueEnd);
      parts.push({
        owner,
        key,
        ...value,
        start: item,
        comments: item,
        item,
        mark,
        end,
        comment: '',
      });
    }
    return collectionOf(node, parts, owner);
  }

  #block(node: Collection, place: Place): EditNode {
    const text = this.#text;
    const parts: Part[] = [];
    const line = lineStart(text, place.start);
    const hasOwnLine = text.slice(line, place.start).trim() === '';
    const owner: Source = { ...place, form: 'block', hasOwnLine, parts };
    let start = place.start;
    if (node === this.#document.contents)
      start = hasOwnLine ? line : start; // the file's comments are no item's
    else if (hasOwnLine) start = this.#commentsAbove(line, place.column);
    for (const extent of extentsOf(node)) {
      const part = this.#blockPart(extent, owner, start);
      parts.push(part);
      start = part.end;
    }
    owner.end = start;
    return collectionOf(node, parts, owner);
  }

  #blockPart(extent: Extent, owner: Source, start: number): Part {
    const { key, item, mark } = extent;
    const value = this.#readValue(extent);
    const { source } = value.node;
    const line = lineStart(this.#text, item);
    const comments = Math.max(start, this.#commentsAbove(line, owner.column));
    const isBlock = source?.form === 'block';
    if (isBlock) this.#learn(value.node.kind, owner, source);
    const contentEnd = isBlock ? source.end : value.valueEnd;
    const isWhole = isBlock || this.#text[contentEnd - 1] === '\n';
    const end = isWhole ? contentEnd : lineEnd(this.#text, contentEnd);
    const part = { owner, key, ...value, start, end, comments, item, mark };
    return { ...part, comment: this.#commentOf(part) };
  }

  #learn(kind: EditNode['kind'], owner: Source, { hasOwnLine, column }: Source): void {
    if (!hasOwnLine) return;
    this.style[kind === 'map' ? 'mapStep' : 'listStep'] ??= column - owner.column;
  }

  /** Where the comment lines begin that stand directly above a line, at the same column. */
  #commentsAbove(line: number, column: number): number {
    const comment = `${' '.repeat(column)}#`;
    let top = line;
    while (top > 0) {
      const above = lineStart(this.#text, top - 1);
      if (!this.#text.startsWith(comment, above)) break;
      top = above;
    }
    return top;
  }

  /** The comment of the line that a key stands in, or of the value's last line. */
  #commentOf({ node, mark, valueStart, valueEnd }: Omit<Part, 'comment'>): string {
    const { source } = node;
    const isBlock = source?.form === 'block';
    if (isBlock && !source.hasOwnLine) return '';
    const isText = this.#text[valueEnd - 1] === '\n';
    const from = isBlock ? mark : isText ? valueStart : valueEnd;
    const rest = this.#text.slice(from, lineEnd(this.#text, from)).trimEnd();
    return /\s+#.*$/.exec(rest)?.[0] ?? '';
  }
}

function collectionOf(node: Collection, parts: readonly Part[], source: Source): EditNode {
  const slots = parts.map((part): Slot => ({ node: part.node, part }));
  if (!isMap(node)) return seqNode(slots, source);
  return mapNode(new Map(slots.map((slot) => [slot.part!.key!, slot])), source);
}

function extentsOf(node: Collection): Extent[] {
  if (isMap(node)) return (node.items as Pair<Node, Node | null>[]).map(extentOfPair);
  const { items } = node.srcToken as Cst.BlockSequence | Cst.FlowCollection;
  const dashes = items.flatMap(
    ({ start }) => start.find(({ type }) => type === 'seq-item-ind') ?? [],
  );
  return (node as YAMLSeq<Node>).items.map((value, i) => {
    const dash = dashes[i];
    const item = dash?.offset ?? value.range![0];
    return { key: undefined, item, mark: dash ? item + 1 : item, value };
  });
}

function extentOfPair({ key, value, srcToken }: Pair<Node, Node | null>): Extent {
  const colon = srcToken?.sep?.find(({ type }) => type === 'map-value-ind');
  const [item, keyEnd] = key.range!;
  const name = String((key as { value?: unknown }).value);
  return { key: name, item, mark: colon ? colon.offset + 1 : keyEnd, value };
}

/** Of the line that holds an offset. */
export const lineStart = (text: string, offset: number): number =>
  // From -1 the search would begin at 0, and find a line end there.
  offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;

/** Behind the line's end. */
function lineEnd(text: string, offset: number): number {
  const at = text.indexOf('\n', offset);
  return at < 0 ? text.length : at + 1;
}
