import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { cookieLine, cookieOf, endedCookie } from '../../src/http/cookies.ts';

const requestWith = (cookie?: string) => ({ headers: { cookie } }) as unknown as IncomingMessage;

describe('cookieLine', () => {
  it('binds a cookie to this host over https', () => {
    const line = cookieLine({ name: 'waymark', value: 'abc', maxAgeSec: 60, isSecure: true });

    expect(line).toBe('__Host-waymark=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure');
  });

  it('has a plain name over http, where the prefix would be refused', () => {
    const line = cookieLine({ name: 'waymark', value: 'abc', maxAgeSec: 60, isSecure: false });

    expect(line).toBe('waymark=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax');
  });
});

describe('endedCookie', () => {
  it('makes a browser forget it', () => {
    expect(endedCookie('waymark', true)).toBe(
      '__Host-waymark=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure',
    );
  });
});

describe('cookieOf', () => {
  it('finds one among others', () => {
    const request = requestWith('theme=dark; __Host-waymark=a=b; __Host-waymark-oidc=c');

    expect(cookieOf(request, 'waymark', true)).toBe('a=b');
    expect(cookieOf(request, 'waymark-oidc', true)).toBe('c');
  });

  it('takes none without the prefix over https: another host of the domain may have set it', () => {
    expect(cookieOf(requestWith('waymark=forged'), 'waymark', true)).toBeUndefined();
    expect(cookieOf(requestWith('waymark=local'), 'waymark', false)).toBe('local');
  });

  it.each([undefined, '', ';;', 'waymark', 'xwaymark=1'])('finds none in %j', (cookie) => {
    expect(cookieOf(requestWith(cookie), 'waymark', false)).toBeUndefined();
  });
});
