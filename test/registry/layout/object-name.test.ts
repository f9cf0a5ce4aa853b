import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPluginId } from '../../../src/model/names.ts';
import { assignNames, toName } from '../../../src/registry/layout/object-name.ts';

describe('toName', () => {
  it.each([
    ['code-reviewer', 'code-reviewer'],
    ['clean_gone', 'clean-gone'],
    ['wordpress.com', 'wordpress-com'],
    ['Déjà Vu!', 'deja-vu'],
    ['a--b', 'a-b'],
    ['日本', ''],
  ])('makes %j %j', (text, name) => {
    expect(toName(text, 64)).toBe(name);
  });

  it('cuts what is too long, and keeps it apart from what starts the same', () => {
    const [one, two] = [toName('x'.repeat(70), 64), toName('x'.repeat(71), 64)];

    expect(one).toHaveLength(64);
    expect(one).not.toBe(two);
  });
});

describe('assignNames', () => {
  it('lets the text that is a name already keep it', () => {
    const names = assignNames(['My Skill', 'my-skill', 'my_skill'], 64);

    expect(names.get('my-skill')).toBe('my-skill');
    expect(names.get('My Skill')).toMatch(/^my-skill-[0-9a-f]{8}$/);
    expect(new Set(names.values()).size).toBe(3);
  });

  it('gives a name to what has no letter', () => {
    expect(assignNames(['日本'], 64).get('日本')).toMatch(/^unnamed-[0-9a-f]{8}$/);
  });

  it('gives valid, distinct names that do not depend on the order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'grapheme' })), (texts) => {
        const names = assignNames(texts, 63);

        expect(new Set(names.values()).size).toBe(texts.length);
        expect([...names.values()].filter((name) => !isPluginId(name))).toEqual([]);
        expect(assignNames(texts.toReversed(), 63)).toEqual(names);
      }),
    );
  });
});
