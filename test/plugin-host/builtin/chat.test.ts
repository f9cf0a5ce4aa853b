import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventOf } from '../../../src/plugin-host/events/event.ts';
import { subscribersOf } from '../../../src/plugin-host/events/subscribers.ts';
import { type BoundService, document, openBound } from '../../support/builtins.ts';
import { openReceiver, type Receiver } from '../../support/receiver.ts';

let bound: BoundService;
let receiver: Receiver;

const PATH = '/services/T000/B000/the-secret';
const webhookUrl = { secretRef: 'channel' };
const template = '<https://waymark.example/{{releaseId}}|{{data.releaseId}}> by {{ data.by.name }}';

beforeAll(async () => {
  receiver = await openReceiver();
  bound = await openBound({
    secrets: { channel: receiver.url + PATH },
    plugins: { chat: { config: { webhookUrl, events: ['release.published', 'drift.detected'] } } },
    files: {
      'namespaces/west.yaml': document('Namespace', {
        department: 'field',
        plugins: { chat: { config: { webhookUrl, events: ['release.published'], template } } },
      }),
    },
    integrations: { channel: { type: 'notify.chat', config: { webhookUrl } } },
  });
});
afterAll(async () => {
  await bound?.close();
  await receiver?.close();
});
beforeEach(() => {
  receiver.received.length = 0;
  receiver.respond = (response) => response.end('ok');
  bound.service.advance(60_000);
});

const texts = () =>
  receiver.received.map(({ body }) => (JSON.parse(body) as { text: string }).text);

const event = (data: object, type = 'release.published') => ({
  id: 'event-1',
  type,
  timestamp: '2026-03-01T12:00:00.000Z',
  orgId: 'tools',
  namespaceId: null,
  departmentId: null,
  data,
});
const hear = (data: object, { type = 'release.published', scope = 'org', id = 'chat' } = {}) =>
  bound.call({
    pluginId: 'chat',
    binding: { scope: scope as 'org' | 'namespace', id },
    method: 'hook.handle',
    params: { event: event(data, type) },
  });
const west = { scope: 'namespace', id: 'west.chat' };

describe('hook.handle', () => {
  it('writes what happened, as Slack takes it', async () => {
    await hear({ releaseId: 'sales--v1.0.0', by: { name: 'ada' }, count: 2 });

    expect(receiver.received).toMatchObject([
      { method: 'POST', path: PATH, headers: { 'content-type': 'application/json' } },
    ]);
    expect(texts()).toEqual(['*release.published*\nreleaseId: sales--v1.0.0\ncount: 2']);
  });

  it('is called when a release is published', async () => {
    await bound.org.publish('sales@1.0.0');

    const sale = expect.stringMatching(/^\*release\.published\*\nreleaseId: sales--v1\.0\.0/);
    await expect.poll(texts, { timeout: 60_000 }).toEqual([sale]);
  });

  it('writes of what it is told to alone', async () => {
    await hear({}, { type: 'release.yanked' });
    await hear({}, { type: 'drift.detected' });

    expect(texts()).toEqual(['*drift.detected*']);
  });

  it('writes by a template, where what is not there is nothing', async () => {
    await hear({ releaseId: 'v1', by: { name: 'ada' } }, west);
    await hear({ by: {} }, west);

    expect(texts()).toEqual([
      '<https://waymark.example/v1|v1> by ada',
      '<https://waymark.example/|> by ',
    ]);
  });

  it('mentions nobody and links nowhere for the one who chose a name', async () => {
    await hear({ releaseId: '<!channel> & <https://evil.example|here>' });
    await hear({ releaseId: '<!here>', by: { name: ['>', '<'] } }, west);

    expect(texts()).toEqual([
      '*release.published*\nreleaseId: &lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;',
      '<https://waymark.example/&lt;!here&gt;|&lt;!here&gt;> by ["&gt;","&lt;"]',
    ]);
  });

  it('takes nothing of a template for a template', async () => {
    await hear({ releaseId: '{{orgId}}', type: 'data' }, { ...west });

    expect(texts()[0]).toContain('|{{orgId}}>');
  });

  it.each([
    [429, true],
    [503, true],
    [404, false],
  ])('says of %i whether it may be tried again', async (status, isRetryable) => {
    receiver.respond = (response) => response.writeHead(status).end('no_service');

    await expect(hear({})).rejects.toMatchObject({
      code: 'INT_UPSTREAM_FAILED',
      isRetryable,
      details: { status },
      message: expect.not.stringContaining('the-secret'),
    });
  });
});

it('gives up on a chat that does not answer before it is at fault itself', async () => {
  receiver.respond = () => {};

  const hook = bound.call({
    pluginId: 'chat',
    method: 'hook.handle',
    params: { event: event({}) },
    deadlineMs: 700,
  });

  await expect(hook).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
});

describe('an org that configures it for others alone', () => {
  it('hears of nothing itself', () => {
    const { plugins } = bound.service;
    const bindings = plugins.bindings('tools').map((one) => ({ ...one, config: {} }));
    const bare = { find: plugins.find.bind(plugins), bindings: () => bindings };
    const happened = eventOf({ org: 'tools', type: 'release.published', at: '', data: {} });

    expect(subscribersOf(plugins, happened).map(({ id }) => id)).toEqual(['chat']);
    expect(subscribersOf(bare, happened)).toEqual([]);
  });
});

describe('notify', () => {
  it('writes a text, as it was meant', async () => {
    await bound.run('channel', 'notify', { text: 'a < b && <@U1>' });

    expect(texts()).toEqual(['a &lt; b &amp;&amp; &lt;@U1&gt;']);
  });

  it.each([{}, { text: 7 }, { text: 'x'.repeat(4001) }])('refuses %j', async (params) => {
    await expect(bound.run('channel', 'notify', params)).rejects.toMatchObject({
      code: 'VAL_FAILED',
    });
    expect(receiver.received).toEqual([]);
  });
});

describe('test and health', () => {
  it('write a message, and none', async () => {
    expect(await bound.test('channel')).toEqual({
      ok: true,
      checks: [{ name: 'message', ok: true, message: 'a message was written' }],
    });
    expect(texts()).toEqual(['Waymark can write here.']);

    expect(await bound.health('channel')).toMatchObject({ status: 'unknown' });
    expect(receiver.received).toHaveLength(1);
  });

  it('say what is wrong', async () => {
    receiver.respond = (response) => response.writeHead(410).end('channel_is_archived');

    expect(await bound.test('channel')).toMatchObject({
      ok: false,
      checks: [{ name: 'message', ok: false, message: 'the chat answers 410' }],
    });
  });

  it('can try a channel that is not saved', async () => {
    const other = `${receiver.url}/services/other`;

    await bound.test('channel', { config: { webhookUrl: other }, credentials: {} });

    expect(receiver.received).toMatchObject([{ path: '/services/other' }]);
  });
});

it('shows nobody where it writes', () => {
  const shown = JSON.stringify([
    bound.service.plugins.bindings('tools'),
    bound.service.plugins.find('tools', 'chat'),
  ]);

  expect(shown).not.toContain('the-secret');
});
