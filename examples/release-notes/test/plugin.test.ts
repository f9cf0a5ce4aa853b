import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plugin } from 'waymark/plugin/testing';

const put = (id: string, body: object) =>
  plugin.api(`notes/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

test('keeps a note for each release, once', async () => {
  const released = { releaseId: 'sales--v1.4.0', plugins: [], by: 'ada' };
  await plugin.event('release.published', released);
  const written = await put('sales--v1.4.0', { text: 'Quotes are <b>faster</b>.' });
  await plugin.event('release.published', released);

  const { text } = (await (await plugin.api('notes/sales--v1.4.0')).json()) as { text: string };

  assert.equal(written.status, 200);
  assert.equal(text, 'Quotes are <b>faster</b>.');
});

test('shows notes on a page, as text', async () => {
  const page = await plugin.page('notes');
  const markup = await page.text();

  assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
  assert.match(markup, /sales--v1\.4\.0/);
  assert.match(markup, /Quotes are &lt;b>faster&lt;\/b>\./);
});

test('exports to whoever has the management key', async () => {
  const answer = await plugin.management('export');

  assert.partialDeepStrictEqual(await answer.json(), { notes: [{ releaseId: 'sales--v1.4.0' }] });
});

test('tells an agent of the newest releases', async () => {
  const { structuredContent } = await plugin.tool('latest_notes', { count: 1 });

  assert.partialDeepStrictEqual(structuredContent, { notes: [{ releaseId: 'sales--v1.4.0' }] });
});

test('refuses a note without a text, and of no release', async () => {
  assert.equal((await put('sales--v1.4.0', { text: '' })).status, 400);
  assert.equal((await put('nowhere--v1.0.0', { text: 'Nothing.' })).status, 404);
});
