import { describe, expect, it } from 'vitest';
import { authorOf } from '../../src/changes/author.ts';

describe('authorOf', () => {
  it.each([
    ['user:ada@example.com', 'ada@example.com', 'ada@example.com'],
    ['user:ada', 'ada', 'ada@user.waymark.invalid'],
    ['user:Ada Lovelace <x>', 'Ada Lovelace <x>', 'Ada-Lovelace-x-@user.waymark.invalid'],
    ['key:0f3a', 'key:0f3a', '0f3a@key.waymark.invalid'],
    ['system:mirror', 'system:mirror', 'mirror@system.waymark.invalid'],
    ['', '', 'unknown@nobody.waymark.invalid'],
  ])('names %s', (actor, name, email) => {
    expect(authorOf(actor)).toEqual({ name, email });
  });
});
