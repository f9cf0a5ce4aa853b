import { describe, expect, it } from 'vitest';
import { isPluginScope } from '../../src/model/permissions.ts';

describe('isPluginScope', () => {
  it.each(['plugin:example:read', 'plugin:a:write', 'plugin:my-plugin-2:read'])(
    'takes %s',
    (scope) => {
      expect(isPluginScope(scope)).toBe(true);
    },
  );

  it.each([
    'plugin:*:read',
    'plugin::read',
    'plugin:example:delete',
    'plugins:read',
    'plugin:Example:read',
    'plugin:example:read\n',
    ' plugin:example:read',
  ])('takes no %j', (scope) => {
    expect(isPluginScope(scope)).toBe(false);
  });
});
