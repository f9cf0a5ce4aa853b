import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../src/model/diagnostic.ts';
import { parseDocument } from '../../src/registry/document.ts';

const FOLDER = new URL('../fixtures/registry/refused/', import.meta.url);

/** The diagnostics of a fixture that stands at a path, without that path. */
function refusals(fixture: string, path: string): string[] {
  const bytes = readFileSync(new URL(`${fixture}.yaml`, FOLDER));
  const { diagnostics } = parseDocument(bytes, path);
  return diagnostics.map((diagnostic) => {
    const { code } = diagnostic;
    return `${code} ${formatDiagnostic(diagnostic).slice(path.length + 1)}`;
  });
}

type Row = [fixture: string, path: string, says: string[]];

/** Every refusal of a single file: what stands where, and what its author reads. */
const TABLE: Row[] = [
  [
    'agent',
    'plugins/sales/agents/Deal Desk.yaml',
    ['bad-name 1:1 "Deal Desk" cannot be a name here (rename it, or give metadata.id)'],
  ],
  [
    'control-character',
    'plugins/sales/skills/quote.yaml',
    ['control-character 4:21 the control character U+0007 is not allowed'],
  ],
  [
    'custom-without-files',
    'plugins/sales/custom/rules.yaml',
    ['missing-field 3:1 a custom object in one file needs spec.files'],
  ],
  [
    'duplicate-item',
    'access/teams/sales.yaml',
    ['duplicate-item 3:17 spec.members names the same twice, at 2 and 0'],
  ],
  ['empty', 'plugins/sales/hooks/stop.yaml', ['empty 3:30 spec.command must not be empty']],
  [
    'encoding',
    'plugins/sales/skills/quote.yaml',
    ['encoding 3:24 the file is not valid UTF-8 (save it as UTF-8)'],
  ],
  [
    'fixed-id',
    'channels/stable.yaml',
    ['fixed-id 3:16 the id of this Channel is stable, from its path'],
  ],
  [
    'fixed-id',
    'channels/Fast.yaml',
    [
      'bad-name 1:1 "Fast" cannot be a name here (it takes lower-case letters, digits and single hyphens, at most 63)',
      'fixed-id 3:16 the id of this Channel is Fast, from its path',
    ],
  ],
  [
    'freeze',
    'environments/prod/freezes/holidays.yaml',
    [
      "fixed-id 4:18 spec.environmentId must be prod, the folder's name",
      'out-of-range 7:8 spec.end must be later than spec.start',
    ],
  ],
  [
    'freeze',
    'environments/Prod/freezes/holidays.yaml',
    [
      'bad-name 1:1 "Prod" cannot be a name here (it takes lower-case letters, digits and single hyphens, at most 63)',
      "fixed-id 4:18 spec.environmentId must be Prod, the folder's name",
      'out-of-range 7:8 spec.end must be later than spec.start',
    ],
  ],
  [
    'literal-secret-http',
    'plugins/sales/mcps/crm.yaml',
    [
      'literal-secret 5:8 spec.url holds a secret that all readers of the registry see (list it under spec.inputs with secret: true, and write ${NAME} here)',
      'literal-secret 6:28 spec.headers.Authorization holds a secret that all readers of the registry see (list it under spec.inputs with secret: true, and write ${NAME} here)',
    ],
  ],
  [
    'literal-secret',
    'plugins/sales/mcps/crm.yaml',
    [
      'literal-secret 6:21 spec.args[1] holds a secret that all readers of the registry see (list it under spec.inputs with secret: true, and write ${NAME} here)',
      'literal-secret 6:30 spec.args[2] holds a secret that all readers of the registry see (list it under spec.inputs with secret: true, and write ${NAME} here)',
      'literal-secret 6:53 spec.args[4] holds a secret that all readers of the registry see (list it under spec.inputs with secret: true, and write ${NAME} here)',
      'literal-secret 8:16 spec.env.CRM_TOKEN holds a secret that all readers of the registry see (list it under spec.inputs with secret: true, and write ${NAME} here)',
      'literal-secret 9:11 spec.env.NOTE holds a secret that all readers of the registry see (list it under spec.inputs with secret: true, and write ${NAME} here)',
      'literal-secret 10:22 spec.env.FALLBACK_SECRET holds a secret that all readers of the registry see (list it under spec.inputs with secret: true, and write ${NAME} here)',
      'literal-secret 11:53 spec.inputs[0].default holds a secret that all readers of the registry see (leave it out: the installer asks for it)',
    ],
  ],
  [
    'lone-cr',
    'plugins/sales/skills/quote.yaml',
    ['control-character 1:23 the control character U+000D is not allowed'],
  ],
  [
    'missing-parts',
    'plugins/sales/skills/quote.yaml',
    [
      'missing-field 1:1 the document needs the field apiVersion (The version of this format)',
      'missing-field 1:1 the document needs the field spec (The skill)',
    ],
  ],
  ['missing-url', 'plugins/sales/mcps/crm.yaml', ['missing-field 3:1 spec needs the field url']],
  [
    'needs-folder',
    'plugins/sales/skills/quote.yaml',
    [
      'needs-folder 3:30 spec.bodyFrom needs the folder form (move this file to quote/skill.yaml, and put the text beside it)',
    ],
  ],
  [
    'not-a-map',
    'plugins/sales/skills/quote.yaml',
    ['wrong-type 1:1 a document is a map of apiVersion, kind, metadata and spec'],
  ],
  [
    'one-of-none',
    'plugins/sales/commands/none.yaml',
    ['one-of 3:7 spec needs exactly one of template and templateFrom'],
  ],
  [
    'one-of-source',
    'plugins/sales/tools/both/tool.yaml',
    ['one-of 3:7 spec takes only one of source and sourceFrom'],
  ],
  [
    'one-of',
    'plugins/sales/commands/one/command.yaml',
    ['one-of 3:7 spec needs exactly one of template and templateFrom'],
  ],
  [
    'out-of-range',
    'channels/stable.yaml',
    [
      'out-of-range 3:24 spec.rolloutPercent must be at most 100, not 120',
      'out-of-range 3:44 spec.minimumAgeSec must be at least 0, not -1',
    ],
  ],
  [
    'outside-path',
    'plugins/sales/skills/outside/skill.yaml',
    [
      'wrong-form 3:41 spec.bodyFrom cannot be "../other/SKILL.md" (A path inside the object\'s own folder, such as ./SKILL.md)',
    ],
  ],
  [
    'plugin-without-title',
    'plugins/sales/plugin.yaml',
    ['missing-field 3:1 a plugin needs a title (give metadata.title or spec.title)'],
  ],
  [
    'plugin-without-title',
    'plugins/Sales_EU/plugin.yaml',
    [
      'bad-name 1:1 "Sales_EU" cannot be a name here (it takes lower-case letters, digits and single hyphens, at most 63)',
      'missing-field 3:1 a plugin needs a title (give metadata.title or spec.title)',
    ],
  ],
  [
    'release-status',
    'releases/1.4.0.yaml',
    [
      'bad-name 1:1 "1.4.0" cannot be a name here (a release is named like 2026-11: no version, no --)',
    ],
  ],
  [
    'release-status',
    'releases/sales--v1.yaml',
    [
      'bad-name 1:1 "sales--v1" cannot be a name here (a release is named like 2026-11: no version, no --)',
    ],
  ],
  [
    'release-status',
    'releases/sales/v1.4.0.yaml',
    [
      'bad-name 1:1 "v1.4.0" cannot be a name here (the file is named by the version, such as 1.4.0.yaml)',
    ],
  ],
  [
    'release-status',
    'releases/sales/latest.yaml',
    [
      'bad-name 1:1 "latest" cannot be a name here (the file is named by the version, such as 1.4.0.yaml)',
    ],
  ],
  [
    'release-status',
    'releases/Sales/1.4.0.yaml',
    [
      'bad-name 1:1 "Sales" cannot be a name here (it takes lower-case letters, digits and single hyphens, at most 63)',
    ],
  ],
  [
    'skill',
    'plugins/sales/skills/Quote.yaml',
    [
      'bad-name 1:1 "Quote" cannot be a name here (a skill is named by lower-case letters, digits and single hyphens, at most 64)',
    ],
  ],
  [
    'skill',
    'plugins/sales/skills/quote--letter.yaml',
    [
      'bad-name 1:1 "quote--letter" cannot be a name here (a skill is named by lower-case letters, digits and single hyphens, at most 64)',
    ],
  ],
  [
    'skill',
    'plugins/sales/skills/qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq.yaml',
    [
      'bad-name 1:1 "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq" cannot be a name here (a skill is named by lower-case letters, digits and single hyphens, at most 64)',
    ],
  ],
  [
    'skill',
    'plugins/sales/skills/quote.yml',
    ['yml-ending 1:1 documents end in .yaml (rename it to plugins/sales/skills/quote.yaml)'],
  ],
  [
    'skill',
    'plugins/sales/skills/quote/skill.yml',
    ['yml-ending 1:1 documents end in .yaml (rename it to plugins/sales/skills/quote/skill.yaml)'],
  ],
  [
    'too-long',
    'objects/contexts/long.yaml',
    ['too-long 3:19 metadata.title has 204 characters: at most 200 are allowed'],
  ],
  [
    'unknown-field',
    'plugins/sales/skills/quote.yaml',
    [
      'unknown-field 3:12 metadata has no field "tittle" (did you mean title?)',
      'missing-field 4:1 spec needs the field description (What it does and when to use it)',
      'unknown-field 5:3 spec has no field "descripton" (did you mean description?)',
      'unknown-field 7:3 spec has no field "colour" (known are description, body, bodyFrom, license, compatibility, allowedTools, metadata, requires)',
    ],
  ],
  [
    'unknown-kind',
    'plugins/sales/skills/quote.yaml',
    ['wrong-kind 2:7 kind must be Skill at this path, not Skil'],
  ],
  [
    'unsigned-protection',
    'registry.yaml',
    ['missing-field 4:3 spec.protection needs the field signers'],
  ],
  [
    'wrong-field',
    'plugins/sales/mcps/crm.yaml',
    ['wrong-field 3:68 spec.command does not go with the other fields here'],
  ],
  [
    'wrong-form',
    'plugins/sales/plugin.yaml',
    [
      'wrong-form 5:12 spec.version cannot be "v1.0" (A semantic version such as 1.4.0: the one that the first release takes)',
      'wrong-form 6:13 spec.include[0] cannot be "Not An Id" (Lower-case letters, digits, dots, underscores and hyphens, at most 128)',
      'wrong-form 8:5 spec.requires cannot have the key "Sales" (Lower-case letters, digits and single hyphens between them)',
      'wrong-form 9:10 spec.requires.ops cannot be "latest" (A range of semantic versions such as ^1.2.0)',
    ],
  ],
  [
    'wrong-kind',
    'plugins/sales/skills/quote.yaml',
    ['wrong-kind 2:7 kind must be Skill at this path, not Agent'],
  ],
  [
    'wrong-type',
    'plugins/sales/plugin.yaml',
    [
      'wrong-type 3:19 metadata.title must be text, not a number (write it in quotes)',
      'wrong-type 3:38 metadata.labels.year must be text, not a number (write it in quotes)',
      'wrong-type 5:12 spec.version must be text, not a number (write it in quotes)',
      'wrong-type 6:13 spec.keywords must be a list, not text',
      'wrong-type 7:10 spec.policy must be a map, and is empty',
    ],
  ],
  [
    'wrong-value',
    'plugins/sales/plugin.yaml',
    [
      'wrong-value 5:18 spec.policy.mode must be one of available, default, required, not "defualt" (did you mean default?)',
      'wrong-value 5:37 spec.policy.override must be one of allow, patch-only, deny, not "never"',
    ],
  ],
  [
    'wrong-version',
    'plugins/sales/skills/quote.yaml',
    ['wrong-value 1:13 apiVersion must be waymark/v1, not "waymark/v2"'],
  ],
  [
    'yaml-alias-key',
    'plugins/sales/skills/quote.yaml',
    ['yaml-complex-key 7:5 a key is a plain or quoted string'],
  ],
  [
    'yaml-alias',
    'plugins/sales/skills/quote.yaml',
    ['yaml-alias 5:9 no anchor &missing stands before this'],
  ],
  [
    'yaml-anchor',
    'plugins/sales/skills/quote.yaml',
    ['yaml-anchor 5:15 the anchor &text is given twice'],
  ],
  [
    'yaml-complex-key',
    'plugins/sales/skills/quote.yaml',
    ['yaml-complex-key 7:5 a key is a plain or quoted string'],
  ],
  [
    'yaml-directive',
    'plugins/sales/skills/quote.yaml',
    ['yaml-directive 1:1 the directive %YAML 1.2 is not allowed'],
  ],
  [
    'yaml-documents',
    'plugins/sales/skills/quote.yaml',
    [
      'yaml-documents 4:1 a file holds one document: this is a second one (give it a file of its own)',
    ],
  ],
  [
    'yaml-duplicate-key',
    'plugins/sales/skills/quote.yaml',
    ['yaml-duplicate-key 6:3 the key description stands twice in this map'],
  ],
  ['yaml-empty', 'plugins/sales/skills/quote.yaml', ['yaml-empty 1:1 the file is empty']],
  [
    'yaml-merge-key',
    'plugins/sales/skills/quote.yaml',
    ['yaml-merge-key 8:5 merge keys (<<) are not part of YAML 1.2 (write the fields out)'],
  ],
  [
    'yaml-number',
    'plugins/sales/mcps/crm.yaml',
    [
      'yaml-number 6:18 this number has no exact value (write it in quotes)',
      'yaml-number 6:44 this number has no exact value (write it in quotes)',
    ],
  ],
  [
    'yaml-reserved-key',
    'plugins/sales/skills/quote.yaml',
    ['yaml-reserved-key 6:14 the key __proto__ is not allowed'],
  ],
  [
    'yaml-self-alias',
    'plugins/sales/mcps/crm.yaml',
    ['yaml-expansion 6:19 the aliases expand to too much'],
  ],
  [
    'yaml-syntax',
    'plugins/sales/skills/quote.yaml',
    [
      'yaml-syntax 4:1 not valid YAML: Missing closing "quote',
      'yaml-syntax 4:1 not valid YAML: Flow map in block collection must be sufficiently indented and end with a }',
    ],
  ],
  [
    'yaml-tabs',
    'plugins/sales/skills/quote.yaml',
    [
      'yaml-syntax 4:1 not valid YAML: Tabs are not allowed as indentation',
      'yaml-syntax 5:1 not valid YAML: Tabs are not allowed as indentation',
    ],
  ],
  ['yaml-tag', 'plugins/sales/skills/quote.yaml', ['yaml-tag 4:16 the tag !env is not allowed']],
  [
    'yaml-text',
    'plugins/sales/skills/quote.yaml',
    ['yaml-text 4:16 an escape stands for half a character'],
  ],
];

describe('parseDocument refuses', () => {
  it.each(TABLE)('%s at %s', (fixture, path, says) => {
    expect(refusals(fixture, path)).toEqual(says);
  });

  it('has a row for every fixture', () => {
    const fixtures = readdirSync(FOLDER).map((name) => name.replace('.yaml', ''));

    expect([...new Set(TABLE.map(([fixture]) => fixture))].sort()).toEqual(fixtures.sort());
  });
});
