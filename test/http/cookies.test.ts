import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { cookieLine, cookiesOf, endedCookie } from '../../src/http/cookies.ts';

const requestWith = (cookie?: string) => ({ headers: { cookie } }) as unknown as IncomingMessage;

describe('cookieLine', () => {
  it('binds a cookie to this host over https', () => {
    const line = cookieLine({ name: 'waymark', value: 'abc', maxAgeSec: 60, isSecure: true });

    expect(line).toBe('__Host-waymark=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure');
  });

  it('has a plain name over http, where the prefix would be refused', () => {
    const line = cookieLine({ name: 'waymark', value: 'abc', maxAgeSec: 60, isSecure: false });

    expect(line).toBe('waymark=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60');
  });

  it('lasts as long as the browser runs, when nothing else is said', () => {
    const line = cookieLine({ name: 'waymark', value: 'abc', isSecure: false });

    expect(line).toBe('waymark=abc; Path=/; HttpOnly; SameSite=Lax');
  });
});

describe('endedCookie', () => {
  it('makes a browser forget it', () => {
    expect(endedCookie('waymark', true)).toBe(
      '__Host-waymark=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure',
    );
  });
});

describe('cookiesOf', () => {
  it('finds one among others', () => {
    const request = requestWith('theme=dark; __Host-waymark=a=b; __Host-waymark-oidc=c');

    expect(cookiesOf(request, 'waymark', true)).toEqual(['a=b']);
    expect(cookiesOf(request, 'waymark-oidc', true)).toEqual(['c']);
  });

  it('takes none without the prefix over https: another host of the domain may have set it', () => {
    expect(cookiesOf(requestWith('waymark=forged'), 'waymark', true)).toEqual([]);
    expect(cookiesOf(requestWith('waymark=local'), 'waymark', false)).toEqual(['local']);
  });

  it('finds two where somebody has planted one', () => {
    expect(cookiesOf(requestWith('waymark=mine; waymark=theirs'), 'waymark', false)).toEqual([
      'mine',
      'theirs',
    ]);
  });

  it.each([undefined, '', ';;', 'waymark', 'xwaymark=1'])('finds none in %j', (cookie) => {
    expect(cookiesOf(requestWith(cookie), 'waymark', false)).toEqual([]);
  });
});
