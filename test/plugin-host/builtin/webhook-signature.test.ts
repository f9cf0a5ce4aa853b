import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { signatureHeaders } from '../../../src/plugin-host/builtin/webhook-signature.ts';

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const other = `whsec_${Buffer.from('a second secret, of 32 bytes long').toString('base64')}`;
const message = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestampSec: 1614265330,
  body: '{"test": 2432232314}',
};

describe('signatureHeaders', () => {
  it('are those of the published vector', () => {
    expect(signatureHeaders(message, { secret })).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
      'x-agentcore-signature':
        'sha256=e2cb4f5251572539d458bfb8a7adb533b08801e6a794467e06f771debbb0818b',
    });
  });

  it('have the bare digest where that is asked for', () => {
    const headers = signatureHeaders(message, { secret, signatureFormat: 'hex' });

    expect(headers['x-agentcore-signature']).toBe(
      'e2cb4f5251572539d458bfb8a7adb533b08801e6a794467e06f771debbb0818b',
    );
  });

  it('take a secret without the prefix as text', () => {
    const headers = signatureHeaders(message, { secret: 'parole — 密' });

    const digest = createHmac('sha256', Buffer.from('parole — 密'))
      .update(message.body)
      .digest('hex');
    expect(headers['x-agentcore-signature']).toBe(`sha256=${digest}`);
  });

  it('are without a signature where there is no secret', () => {
    expect(Object.keys(signatureHeaders(message, { previousSecret: other }))).toEqual([
      'webhook-id',
      'webhook-timestamp',
    ]);
  });

  it('satisfy a receiver that knows either secret while they are changed', () => {
    const now = { ...message, timestampSec: Math.floor(Date.now() / 1000) };
    const headers = signatureHeaders(now, { secret, previousSecret: other });

    for (const known of [secret, other]) {
      expect(new Webhook(known).verify(message.body, headers)).toEqual({ test: 2432232314 });
    }
    expect(() => new Webhook('whsec_c29tZWJvZHkgZWxzZQ==').verify(message.body, headers)).toThrow();
    expect(() => new Webhook(secret).verify('{"test": 1}', headers)).toThrow();
  });
});
