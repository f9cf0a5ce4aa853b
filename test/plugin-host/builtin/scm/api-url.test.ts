import { describe, expect, it } from 'vitest';
import { apiUrlOf } from '../../../../src/plugin-host/builtin/scm/api-url.ts';

describe('apiUrlOf', () => {
  it.each([
    ['github', 'https://api.github.com', 'https://api.github.com'],
    ['github', 'https://api.acme.ghe.com/', 'https://api.acme.ghe.com'],
    ['github', 'https://github.example.com', 'https://github.example.com/api/v3'],
    ['github', 'https://github.example.com/api/v3/', 'https://github.example.com/api/v3'],
    ['gitlab', 'https://gitlab.com', 'https://gitlab.com/api/v4'],
    ['gitlab', 'https://example.com/gitlab/api/v4', 'https://example.com/gitlab/api/v4'],
    ['gitea', 'https://example.com/git/', 'https://example.com/git/api/v1'],
  ] as const)('of %s at %s is %s', (kind, endpoint, url) => {
    expect(apiUrlOf(kind, endpoint)).toBe(url);
  });
});
