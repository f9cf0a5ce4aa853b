import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plugin } from 'waymark/plugin/testing';

test('counts each approval once', async () => {
  const approval = { approvalId: 'a-1', requestedBy: 'ada' };
  await plugin.event('approval.created', approval);
  const outcomes = await plugin.event('approval.created', approval);

  const [note] = await plugin.query('Are there approvals?');

  assert.ok(outcomes.every(({ ok }) => ok));
  assert.equal(note?.title, 'Good morning: 1 approvals were asked for');
});

test('has nothing to say of other things', async () => {
  assert.deepEqual(await plugin.query('What is the weather like?'), []);
});

test('greets by its configuration', async () => {
  const { content } = await plugin.tool('greet', { name: 'Ada' });

  assert.deepEqual(content, [{ type: 'text', text: 'Good morning, Ada!' }]);
});
