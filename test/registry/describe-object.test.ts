import { describe, expect, it } from 'vitest';
import type { ObjectType } from '../../src/model/names.ts';
import { describeObject } from '../../src/registry/describe-object.ts';

const targetsOf = (type: ObjectType, spec: object) =>
  describeObject(type, { spec, diagnostics: [] }, `objects/${type}s/x.yaml`).targets;

describe('describeObject', () => {
  it('says what a manifest shows', () => {
    const inputs = [{ name: 'TOKEN', secret: true, required: true }];
    const spec = {
      transport: 'sse',
      url: 'https://example.com',
      description: 'Accounts.',
      requires: ['sales.skill.crm'],
      inputs,
    };

    const description = describeObject(
      'mcp',
      { title: 'CRM', spec, diagnostics: [] },
      'plugins/sales/mcps/crm.yaml',
    );

    expect(description).toMatchObject({
      title: 'CRM',
      description: 'Accounts.',
      requires: ['sales.skill.crm'],
      inputs,
    });
  });

  it('takes the name for a title where none is given', () => {
    const document = { spec: { body: 'b' }, diagnostics: [] };

    expect(
      describeObject('context', document, 'objects/contexts/voice/context.yaml'),
    ).toMatchObject({
      title: 'voice',
      requires: [],
      inputs: [],
    });
  });

  it('has a skill native in every tool', () => {
    expect(targetsOf('skill', { description: 'd', body: 'b' })).toEqual({
      claude: 'native',
      opencode: 'native',
      cursor: 'native',
      'agent-plugin': 'native',
    });
  });

  it('says why a tool cannot take an object', () => {
    expect(targetsOf('hook', { event: 'PreToolUse', command: ['x'] })).toEqual({
      claude: 'native',
      opencode: 'unsupported: hooks are JavaScript plugins there',
      cursor: 'translated',
      'agent-plugin': 'unsupported: an Agent Plugin holds skills and MCP servers',
    });
    expect(targetsOf('hook', { event: 'file.edited', command: ['x'] })['claude']).toBe(
      'unsupported: no event file.edited',
    );
    expect(targetsOf('custom', {})['claude']).toMatch(/^unsupported: /);
    expect(targetsOf('context', { body: 'b' })['claude']).toMatch(/^unsupported: /);
  });

  it('calls a lossy rendering translated', () => {
    const agent = { description: 'd', prompt: 'p' };
    expect(targetsOf('agent', agent)).toMatchObject({ claude: 'native', cursor: 'native' });
    expect(targetsOf('agent', { ...agent, mode: 'primary' })['claude']).toBe('translated');
    expect(targetsOf('agent', { ...agent, tools: ['Read'] })['cursor']).toBe('translated');
    expect(targetsOf('command', { template: 't', agent: 'a' })).toMatchObject({
      claude: 'translated',
      opencode: 'native',
    });
    expect(targetsOf('context', { body: 'b', globs: ['*'] })['opencode']).toBe('translated');
  });

  it('judges a tool by its runtime, and a server by its transport', () => {
    const tool = { name: 't', inputSchema: {}, source: '1' };
    expect(targetsOf('tool', { ...tool, runtime: 'node' })['opencode']).toBe('translated');
    expect(targetsOf('tool', { ...tool, runtime: 'python' })['opencode']).toMatch(/^unsupported/);
    expect(targetsOf('tool', { name: 't', inputSchema: {} })['opencode']).toMatch(/^unsupported/);
    expect(targetsOf('mcp', { transport: 'stdio' })['agent-plugin']).toBe('native');
    expect(targetsOf('mcp', { transport: 'sse' })['agent-plugin']).toMatch(/^unsupported/);
  });
});
