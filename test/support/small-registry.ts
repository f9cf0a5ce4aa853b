const document = (kind: string, spec: string): string =>
  `apiVersion: waymark/v1\nkind: ${kind}\n${spec}`;

export const command = (template: string): string =>
  document(
    'Command',
    `metadata: {title: Quote}\nspec:\n  description: Writes a quote.\n  template: ${template}\n`,
  );

/**
 * A registry with one plugin of each kind of access: `sales` for the whole org,
 * `ops` required of everybody, `vault` for a team and `lab` for one member.
 */
export const smallRegistry = {
  'registry.yaml': document(
    'Registry',
    'spec:\n  title: Tools\n  delivery: {defaultAccess: orgWide}\n',
  ),
  'access/teams/red.yaml': document(
    'Team',
    'metadata: {title: Red}\nspec: {members: [ruth@example.com]}\n',
  ),
  'access/plugins/vault.yaml': document('Access', 'spec:\n  teams: [{team: red, role: viewer}]\n'),
  'access/plugins/lab.yaml': document(
    'Access',
    'spec:\n  members: [{user: lea@example.com, role: viewer}]\n',
  ),
  'plugins/sales/plugin.yaml': document(
    'Plugin',
    'spec: {title: Sales, description: For deals.}\n',
  ),
  'plugins/sales/README.md': 'Ask the deal desk.\n',
  'plugins/sales/commands/quote.yaml': command('Write a quote.'),
  'plugins/sales/skills/brief/skill.yaml': document(
    'Skill',
    'metadata: {title: Brief}\nspec: {description: Writes a brief., bodyFrom: ./SKILL.md}\n',
  ),
  'plugins/sales/skills/brief/SKILL.md': 'Write a brief.\n',
  'plugins/sales/skills/brief/terms.txt': 'Net 30.\n',
  'plugins/ops/plugin.yaml': document('Plugin', 'spec: {title: Ops, policy: {mode: required}}\n'),
  'plugins/ops/contexts/rules.yaml': document(
    'Context',
    'metadata: {title: Rules}\nspec: {body: Be careful.}\n',
  ),
  'plugins/vault/plugin.yaml': document('Plugin', 'spec: {title: Vault}\n'),
  'plugins/vault/commands/open.yaml': command('Open it.'),
  'plugins/lab/plugin.yaml': document('Plugin', 'spec: {title: Lab}\n'),
  'plugins/lab/commands/try.yaml': command('Try it.'),
};
