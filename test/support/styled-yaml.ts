import fc from 'fast-check';
import { Document, isMap, isNode, isScalar, isSeq, type Node, Scalar, visit } from 'yaml';

const KEYS = ['a', 'b', 'name', 'with space', 'x/y', 'm~n', '1', 'true', '- dash', 'ключ', '#'];
const TEXTS = ['', 'word', 'two words', 'a: b', '# not', "it's", '"q"', '1.0', 'null', 'é', ' x '];
const LINES = ['one\ntwo', 'one\n\n  three\n', '\nstarts', 'tab\there\n'];

export const anyKey = fc.constantFrom(...KEYS);

/** A value of a document, with keys and texts that YAML has to quote. */
export const anyValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 1e-7, ...TEXTS, ...LINES),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(anyKey, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

export const anyMap = fc.dictionary(anyKey, anyValue, { maxKeys: 5, noNullPrototype: true });

const SCALARS: Scalar.Type[] = [
  Scalar.PLAIN,
  Scalar.PLAIN,
  Scalar.QUOTE_DOUBLE,
  Scalar.QUOTE_SINGLE,
  Scalar.BLOCK_LITERAL,
  Scalar.BLOCK_FOLDED,
];

/** What decides how something is written. */
const anyStyle = fc.tuple(
  fc.array(fc.nat(99), { minLength: 30, maxLength: 30 }),
  fc.constantFrom(2, 4),
  fc.boolean(),
  fc.constantFrom('', '# head\n\n', '\n# head\n---\n'),
  fc.constantFrom('', '# end\n', '\n'),
);

/** A document written as a person might: brackets here and there, quotes, comments, blank lines. */
export const anyText: fc.Arbitrary<string> = fc
  .tuple(anyMap, anyStyle)
  .map(([map, [numbers, indent, indentSeq, head, end]]) => {
    const dice = [...numbers];
    const document = new Document(map, { aliasDuplicateObjects: false });
    visit(document, { Node: (_key, node) => dress(node as Node, dice) });
    return head + document.toString({ indent, indentSeq, lineWidth: 0 }) + end;
  });

/** The members of a document's map, each with the lines that it is written in. */
export const anyMembers: fc.Arbitrary<{ key: string; lines: string }[]> = fc.uniqueArray(
  fc.tuple(anyKey, anyValue, anyStyle).map(([key, value, [numbers, indent, indentSeq]]) => {
    const dice = [...numbers];
    const document = new Document({ [key]: value }, { aliasDuplicateObjects: false });
    const root = document.contents;
    visit(document, {
      Node: (_key, node) => (node === root ? undefined : dress(node as Node, dice)),
    });
    return { key, lines: document.toString({ indent, indentSeq, lineWidth: 0 }) };
  }),
  { selector: ({ key }) => key, minLength: 2, maxLength: 5 },
);

function dress(node: Node, dice: number[]): void {
  // Around and around, so that a longer document has dice enough.
  const roll = () => {
    dice.push(dice.shift()!);
    return dice[0]!;
  };
  if (!isNode(node)) return;
  if (isScalar(node) && typeof node.value === 'string') {
    node.type = SCALARS[roll() % SCALARS.length]!;
  }
  if ((isMap(node) || isSeq(node)) && roll() < 15) node.flow = true;
  if (roll() < 15) node.commentBefore = ' above';
  if (isScalar(node) && roll() < 20) node.comment = ' behind';
  if (roll() < 10) node.spaceBefore = true;
}
