import { describe, expect, it } from 'vitest';
import { expectedKind, placeOf } from '../../src/registry/path-rules.ts';

describe('expectedKind', () => {
  it.each([
    ['registry.yaml', 'Registry'],
    ['plugins/sales/plugin.yaml', 'Plugin'],
    ['plugins/sales/skills/quote.yaml', 'Skill'],
    ['plugins/sales/skills/quote/skill.yaml', 'Skill'],
    ['plugins/sales/agents/desk.yaml', 'Agent'],
    ['plugins/sales/commands/quote.yaml', 'Command'],
    ['plugins/sales/tools/ticket/tool.yaml', 'Tool'],
    ['plugins/sales/mcps/crm.yaml', 'Mcp'],
    ['plugins/sales/hooks/stop.yaml', 'Hook'],
    ['plugins/sales/contexts/voice.yaml', 'Context'],
    ['plugins/sales/custom/prices/custom.yaml', 'Custom'],
    ['objects/skills/writing.yaml', 'Skill'],
    ['objects/contexts/voice/context.yaml', 'Context'],
    ['marketplaces/acme.yaml', 'Marketplace'],
    ['channels/stable.yaml', 'Channel'],
    ['access/teams/sales.yaml', 'Team'],
    ['access/plugins/sales.yaml', 'Access'],
    ['access/marketplaces/acme.yaml', 'Access'],
    ['namespaces/emea.yaml', 'Namespace'],
    ['releases/2026-11.yaml', 'ReleaseStatus'],
    ['releases/sales/1.4.0.yaml', 'ReleaseStatus'],
    ['environments/prod.yaml', 'Environment'],
    ['environments/prod/freezes/year-end.yaml', 'FreezeWindow'],
    ['targets/laptops.yaml', 'Target'],
    ['policies/production.yaml', 'ApprovalPolicy'],
    ['workflows/ship.yaml', 'WorkflowTemplate'],
    ['strategies/careful.yaml', 'RolloutStrategy'],
    ['integrations/forge.yaml', 'Integration'],
  ])('%s is a %s', (path, kind) => {
    expect(expectedKind(path)).toBe(kind);
  });

  it.each([
    'plugins/sales/skills/quote/SKILL.md',
    'plugins/sales/skills/quote/assets/data.yaml',
    'plugins/sales/skills/quote/nested/skill.yaml',
    'plugins/sales/skills/quote/agent.yaml',
    'plugins/sales/server/plugin.json',
    'plugins/sales/server/skills/quote.yaml',
    'objects/skills/writing/scripts/count.sh',
  ])('%s is payload', (path) => {
    expect(expectedKind(path)).toBe('payload');
  });

  it.each([
    'README.md',
    'LICENSE',
    'docs/guide.yaml',
    '.github/workflows/ci.yml',
    '.gitlab-ci.yml',
    '.gitattributes',
    '.editorconfig',
    '.waymark/schemas/skill.json',
    'plugins/sales/README.md',
    'plugins/sales/server',
    'plugins/sales/assets/logo.svg',
    'plugins/sales/assets/plugin.yaml',
    'plugins/sales/skills/notes.txt',
    'plugins/README.md',
    'channels/README.md',
    'objects/skills/notes.txt',
  ])('%s is free', (path) => {
    expect(expectedKind(path)).toBe('free');
  });

  it.each([
    'Makefile',
    'settings.yaml',
    'skills/quote.yaml',
    'plugins/notes.txt',
    'objects/skill/writing.yaml',
    'channels/stable.json',
    'channels/old/stable.yaml',
    'access/stable.yaml',
    'releases/sales/1/4.yaml',
    'environments/prod/freeze/year-end.yaml',
  ])('%s is unknown', (path) => {
    expect(expectedKind(path)).toBe('unknown');
  });

  it.each([
    ['plugins/sales/skills/quote.yml', 'Skill'],
    ['plugins/sales/plugin.yml', 'Plugin'],
    ['registry.yml', 'Registry'],
    ['channels/stable.yml', 'Channel'],
  ])('%s is a misnamed %s rather than overlooked', (path, kind) => {
    expect(expectedKind(path)).toBe(kind);
  });
});

describe('placeOf', () => {
  it('names an object, its plugin and its form', () => {
    expect(placeOf('plugins/sales/skills/quote.yaml')).toEqual({
      role: 'Skill',
      name: 'quote',
      parent: 'sales',
      object: { type: 'skill', form: 'file' },
    });
    expect(placeOf('plugins/sales/skills/quote/assets/a.txt')).toEqual({
      role: 'payload',
      name: 'quote',
      parent: 'sales',
      object: { type: 'skill', form: 'folder' },
    });
  });

  it('gives a shared object no plugin', () => {
    expect(placeOf('objects/mcps/crm.yaml')).not.toHaveProperty('parent');
  });

  it('keeps the dots of a version', () => {
    expect(placeOf('releases/sales/1.4.0-rc.1.yaml')).toMatchObject({
      name: '1.4.0-rc.1',
      parent: 'sales',
    });
  });
});
