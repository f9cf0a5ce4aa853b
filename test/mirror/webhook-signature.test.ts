import { describe, expect, it } from 'vitest';
import type { ProviderKind } from '../../src/mirror/provider/settings.ts';
import { identifyDelivery } from '../../src/mirror/webhook-signature.ts';
import { signedAs, signedByStandard } from '../support/webhook.ts';

const BODY = '{"ref":"refs/heads/main"}';
const NOW_SEC = 1_700_000_000;

/** What it is known by; undefined when it is refused. */
const identify = (
  kind: ProviderKind,
  headers: Record<string, string>,
  { body = BODY, secrets = ['one'], nowSec = NOW_SEC } = {},
) => identifyDelivery(kind, { headers, body: Buffer.from(body) }, secrets, nowSec * 1000);

describe.each(['github', 'gitea', 'gitlab'] as const)('a webhook of %s', (kind) => {
  const signed = (secret: string, id?: string) => signedAs[kind](secret, BODY, id);

  it('is taken by either of two live secrets', () => {
    const secrets = ['new', 'old'];

    expect(identify(kind, signed('new'), { secrets })).toBeDefined();
    expect(identify(kind, signed('old'), { secrets })).toBeDefined();
    expect(identify(kind, signed('oldest'), { secrets })).toBeUndefined();
  });

  it('is refused without a signature, and where no secret is set', () => {
    expect(identify(kind, {})).toBeUndefined();
    expect(identify(kind, signed(''), { secrets: [] })).toBeUndefined();
  });

  it('is refused by what signs for another provider', () => {
    const others = (['github', 'gitea', 'gitlab'] as const).filter((other) => other !== kind);

    for (const other of others) {
      expect(identify(kind, signedAs[other]('one', BODY))).toBeUndefined();
    }
  });

  it('is known again by its id', () => {
    const first = identify(kind, signed('one', 'd-1'));
    const again = identify(kind, signed('one', 'd-1'), { secrets: ['two', 'one'] });

    expect(again).toEqual(first);
  });
});

describe.each(['github', 'gitea'] as const)('a webhook of %s', (kind) => {
  it('is refused when a byte of its body is another', () => {
    expect(identify(kind, signedAs[kind]('one', BODY), { body: `${BODY} ` })).toBeUndefined();
  });

  it('is known again by its body, since its id is not signed', () => {
    const first = identify(kind, signedAs[kind]('one', BODY, 'd-1'))!;
    const renamed = identify(kind, signedAs[kind]('one', BODY, 'd-2'))!;
    const next = identify(kind, signedAs[kind]('one', '{}', 'd-3'), { body: '{}' })!;

    expect(renamed.some((mark) => first.includes(mark))).toBe(true);
    expect(next.some((mark) => first.includes(mark))).toBe(false);
  });
});

describe('a webhook of github', () => {
  it('is refused by the signature of SHA-1 that came before', () => {
    const { 'x-hub-signature-256': signature } = signedAs.github('one', BODY);

    expect(identify('github', { 'x-hub-signature': signature })).toBeUndefined();
    expect(identify('github', { 'x-hub-signature-256': signature.slice(7) })).toBeUndefined();
  });
});

describe('a webhook of gitlab', () => {
  it('is new for each event, though its body is the same', () => {
    const first = identify('gitlab', signedAs.gitlab('one', BODY, 'd-1'))!;
    const next = identify('gitlab', signedAs.gitlab('one', BODY, 'd-2'))!;

    expect(next.some((mark) => first.includes(mark))).toBe(false);
  });

  it('is known by its body where it has no id', () => {
    const headers = { 'x-gitlab-token': 'one' };

    expect(identify('gitlab', headers)).toEqual(identify('gitlab', headers));
    expect(identify('gitlab', headers, { body: '{}' })).not.toEqual(identify('gitlab', headers));
  });

  it('is not saved by its token when its signature is wrong', () => {
    const headers = signedByStandard('another', BODY, 'd-1', NOW_SEC);

    expect(identify('gitlab', { ...headers, 'x-gitlab-token': 'one' })).toBeUndefined();
  });
});

describe('a webhook that is signed as Standard Webhooks says', () => {
  /** The published test vector. */
  const vector = {
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    body: '{"test": 2432232314}',
    atSec: 1_614_265_330,
    headers: {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
  };
  const identifyVector = (headers: Record<string, string> = {}, nowSec = vector.atSec) => {
    const { secret, body } = vector;
    const options = { secrets: [secret], body, nowSec };
    return identify('gitlab', { ...vector.headers, ...headers }, options);
  };

  it('is taken', () => {
    expect(identifyVector()).toBeDefined();
  });

  it('is taken when one of several signatures is right', () => {
    const signature = `v1,d3Jvbmc= v1a,d3Jvbmc= ${vector.headers['webhook-signature']}`;

    expect(identifyVector({ 'webhook-signature': signature })).toBeDefined();
  });

  it.each([
    ['another id', { 'webhook-id': 'msg_other' }],
    ['another time', { 'webhook-timestamp': '1614265331' }],
    ['no time', { 'webhook-timestamp': 'soon' }],
    ['another version of the scheme', { 'webhook-signature': 'v2,g0hM9SsE' }],
    ['an empty signature', { 'webhook-signature': '' }],
  ])('is refused with %s', (_what, headers) => {
    expect(identifyVector(headers)).toBeUndefined();
  });

  it('is refused once it is five minutes old, or from so far ahead', () => {
    expect(identifyVector({}, vector.atSec + 300)).toBeDefined();
    expect(identifyVector({}, vector.atSec + 301)).toBeUndefined();
    expect(identifyVector({}, vector.atSec - 301)).toBeUndefined();
  });

  it('is taken by a secret that is plain text', () => {
    const headers = signedByStandard('one', BODY, 'd-1', NOW_SEC);

    expect(identify('gitlab', headers)).toBeDefined();
  });

  it.each(['', '!'.repeat(32), 'a', 'c2hvcnQ=', 'MfKQ9r8GKYqrTwjUPD8ILPZI o2LaLaSw'])(
    'is refused by whsec_%s, whose key is none or too short',
    (text) => {
      const key = Buffer.from(text, 'base64');
      const headers = signedByStandard(key, BODY, 'd-1', NOW_SEC);

      expect(identify('gitlab', headers, { secrets: [`whsec_${text}`] })).toBeUndefined();
    },
  );

  it('is known again by its id alone, which is signed', () => {
    const first = identify('gitlab', signedByStandard('one', BODY, 'd-1', NOW_SEC));
    const retried = identify('gitlab', signedByStandard('one', BODY, 'd-1', NOW_SEC + 60));
    const next = identify('gitlab', signedByStandard('one', BODY, 'd-2', NOW_SEC));

    expect(retried).toEqual(first);
    expect(next).not.toEqual(first);
  });
});
