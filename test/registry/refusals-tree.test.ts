import { describe, expect, it } from 'vitest';
import { writeObject } from '../../src/git/write-object.ts';
import {
  compileAt,
  compileFiles,
  diagnosticsOf,
  withRepository,
  writeTree,
} from '../support/compile.ts';
import type { Files } from '../support/git.ts';
import { plugin, registryYaml, skill, smallRegistry, told, yaml } from '../support/registry.ts';

/** Every refusal that takes more than one file to see: what is changed, and what the author reads. */
const TABLE: [name: string, files: Files, says: string[]][] = [
  [
    'no registry.yaml',
    { 'registry.yaml': null },
    [
      'missing-registry registry.yaml:1:1 registry.yaml is missing (it says what the organisation is called and how it delivers)',
    ],
  ],
  [
    'registry.yml',
    { 'registry.yaml': null, 'registry.yml': registryYaml() },
    ['yml-ending registry.yml:1:1 documents end in .yaml (rename it to registry.yaml)'],
  ],
  [
    'a wrong registry.yaml, but not what it would declare',
    {
      'registry.yaml': registryYaml('departments: {field: {}}, titel: Acme'),
      'access/teams/field.yaml': yaml('Team', 'members: [ada@example.com], department: field'),
    },
    ['unknown-field registry.yaml:3:34 spec has no field "titel" (did you mean title?)'],
  ],
  [
    'no plugin.yaml',
    { 'plugins/ops/plugin.yaml': null },
    [
      'missing-plugin plugins/ops/plugin.yaml:1:1 plugin.yaml is missing (every folder of plugins/ describes its plugin there)',
    ],
  ],
  [
    'plugin.yml',
    { 'plugins/ops/plugin.yaml': null, 'plugins/ops/plugin.yml': plugin() },
    [
      'yml-ending plugins/ops/plugin.yml:1:1 documents end in .yaml (rename it to plugins/ops/plugin.yaml)',
    ],
  ],
  [
    'a folder that is no plugin id',
    { 'plugins/Ops--2/README.md': 'x' },
    [
      'bad-plugin-id plugins/Ops--2:1:1 Ops--2 is no plugin id (lower-case letters, digits and single hyphens, at most 63)',
      'missing-plugin plugins/Ops--2/plugin.yaml:1:1 plugin.yaml is missing (every folder of plugins/ describes its plugin there)',
    ],
  ],
  [
    'a folder of shared objects inside a plugin',
    { 'plugins/ops/objects/skills/x.yaml': 'x', 'plugins/sales/Objects': 'x' },
    [
      'reserved-folder plugins/ops/objects:1:1 objects/ is reserved (a bundle has shared objects there: choose another name)',
      'reserved-folder plugins/sales/Objects:1:1 objects/ is reserved (a bundle has shared objects there: choose another name)',
    ],
  ],
  [
    'a folder that clients keep',
    { 'plugins/ops/docs/.Waymark/manifest.json': '{}' },
    [
      'name-reserved plugins/ops/docs/.Waymark:1:1 clients keep files of their own under this name (rename it)',
    ],
  ],
  [
    'an include of nothing',
    { 'plugins/ops/plugin.yaml': plugin('include: [objects.skill.voice, objects.skill.gone]') },
    [
      'unknown-object plugins/ops/plugin.yaml:4:39 no object is named objects.skill.gone (only objects under objects/ can be included)',
    ],
  ],
  [
    "an include of another plugin's object",
    { 'plugins/ops/plugin.yaml': plugin('include: [sales.skill.quote]') },
    [
      'unknown-object plugins/ops/plugin.yaml:4:18 sales.skill.quote is not shared (only objects under objects/ can be included)',
    ],
  ],
  [
    "an exclude of another plugin's object",
    { 'plugins/ops/plugin.yaml': plugin('exclude: [sales.skill.quote]') },
    ['unknown-object plugins/ops/plugin.yaml:4:18 sales.skill.quote is no object of this plugin'],
  ],
  [
    'objects that need nothing that is there',
    {
      'plugins/ops/skills/triage.yaml': yaml(
        'Skill',
        'description: d, body: b, requires: [ops.mcp.no]',
      ),
      'objects/skills/unused.yaml': yaml(
        'Skill',
        'description: d, body: b, requires: [constructor]',
      ),
    },
    [
      'unknown-object objects/skills/unused.yaml:3:44 no object is named constructor',
      'unknown-object plugins/ops/skills/triage.yaml:3:44 no object is named ops.mcp.no',
    ],
  ],
  [
    'a plugin that needs an unknown one',
    { 'plugins/ops/plugin.yaml': plugin('requires: {sales: ^1.0.0, gone: ^2.0.0}') },
    ['unknown-plugin plugins/ops/plugin.yaml:4:40 no plugin is named gone'],
  ],
  [
    'a plugin that needs itself',
    { 'plugins/ops/plugin.yaml': plugin('requires: {ops: ^1.0.0}') },
    ['cycle plugins/ops/plugin.yaml:4:24 requires form a ring: ops → ops'],
  ],
  [
    'plugins that need each other',
    {
      'plugins/ops/plugin.yaml': plugin('requires: {sales: ^1.0.0}'),
      'plugins/sales/plugin.yaml': plugin('requires: {third: ^1.0.0}'),
      'plugins/third/plugin.yaml': plugin('requires: {ops: ^1.0.0}'),
    },
    ['cycle plugins/third/plugin.yaml:4:24 requires form a ring: ops → sales → third → ops'],
  ],
  [
    'a role with a permission that is none, or not an organisation’s to give',
    {
      'registry.yaml': registryYaml(
        "roles: {captain: {permissions: ['releases:publsh', 'audit:read', 'sites:manage']}}",
      ),
    },
    [
      'unknown-permission registry.yaml:3:40 releases:publsh is no permission that a role can have (did you mean releases:publish?)',
      'unknown-permission registry.yaml:3:73 sites:manage is no permission that a role can have',
    ],
  ],
  [
    'departments in a ring, and one under nothing',
    {
      'registry.yaml': registryYaml(
        'departments: {a: {parent: b}, b: {parent: a}, c: {parent: a}, d: {parent: constructor}}',
      ),
    },
    [
      'cycle registry.yaml:3:34 departments form a ring: a → b → a',
      'cycle registry.yaml:3:50 departments form a ring: b → a → b',
      'unknown-department registry.yaml:3:82 no department is named constructor',
    ],
  ],
  [
    'an id that is taken, in another file',
    {
      'plugins/ops/skills/triage.yaml': skill('triage', 'id: sales.skill.quote'),
      'objects/skills/unused.yaml': skill('unused', 'id: sales.skill.quote'),
    },
    [
      'duplicate-id plugins/ops/skills/triage.yaml:3:16 the id sales.skill.quote is taken by objects/skills/unused.yaml',
      'duplicate-id plugins/sales/skills/quote.yaml:1:1 the id sales.skill.quote is taken by objects/skills/unused.yaml',
    ],
  ],
  [
    'one object as file and as folder',
    {
      'plugins/sales/skills/quote/skill.yaml': skill('again'),
    },
    [
      'duplicate-id plugins/sales/skills/quote/skill.yaml:1:1 the id sales.skill.quote is taken by plugins/sales/skills/quote.yaml',
    ],
  ],
  [
    'payload that is not there',
    { 'plugins/sales/skills/brief/SKILL.md': null },
    [
      "missing-payload plugins/sales/skills/brief/skill.yaml:3:34 ./SKILL.md is no file of this object's folder",
    ],
  ],
  [
    'grants for what is not there',
    {
      'access/plugins/gone.yaml': yaml('Access', 'orgWide: viewer'),
      'access/marketplaces/gone.yaml': yaml('Access', ''),
      'access/plugins/ops.yaml': yaml('Access', 'teams: [{team: gone, role: viewer}]'),
      'access/teams/field.yaml': yaml('Team', 'members: [ada@example.com], department: gone'),
    },
    [
      'unknown-marketplace access/marketplaces/gone.yaml:1:1 no marketplace is named gone',
      'unknown-plugin access/plugins/gone.yaml:1:1 no plugin is named gone',
      'unknown-team access/plugins/ops.yaml:3:23 no team is named gone',
      'unknown-department access/teams/field.yaml:3:48 no department is named gone',
    ],
  ],
  [
    'lists of what is not there',
    {
      'marketplaces/acme.yaml': yaml('Marketplace', 'title: Acme, plugins: [ops, gone]'),
      'channels/early.yaml': yaml('Channel', 'plugins: {gone: {range: ^1.0.0}}'),
    },
    [
      'unknown-plugin channels/early.yaml:3:24 no plugin is named gone',
      'unknown-plugin marketplaces/acme.yaml:3:36 no plugin is named gone',
    ],
  ],
  [
    'environments that name what is not there',
    {
      'environments/prod.yaml': yaml(
        'Environment',
        'orderIndex: 1, approvalPolicyId: p, workflowTemplateId: w, strategyId: s, autoPromoteFrom: e, componentIds: [ops, c]',
      ),
    },
    [
      'unknown-policy environments/prod.yaml:3:41 no policy is named p',
      'unknown-workflow environments/prod.yaml:3:64 no workflow is named w',
      'unknown-strategy environments/prod.yaml:3:79 no strategy is named s',
      'unknown-environment environments/prod.yaml:3:99 no environment is named e',
      'unknown-plugin environments/prod.yaml:3:122 no plugin is named c',
    ],
  ],
  [
    'what belongs to an environment that is not there',
    {
      'environments/prod/freezes/party.yaml': yaml(
        'FreezeWindow',
        'kind: deny, start: "2026-12-24T00:00:00Z", end: "2026-12-27T00:00:00Z", reason: party',
      ),
      'namespaces/emea.yaml': yaml(
        'Namespace',
        'department: d, covers: {plugins: [p], environments: [e]}',
      ),
      'policies/strict.yaml': yaml(
        'ApprovalPolicy',
        'environmentIds: [e], minApprovals: 1, approvers: [{principal: "role:admin"}]',
      ),
      'releases/ops/1.0.0.yaml': yaml('ReleaseStatus', 'blocked: {reason: r, environmentIds: [e]}'),
      'targets/laptops.yaml': yaml('Target', 'environmentId: e, kind: client, clientId: c'),
    },
    [
      'unknown-environment environments/prod/freezes/party.yaml:1:1 no environment is named prod',
      'unknown-department namespaces/emea.yaml:3:20 no department is named d',
      'unknown-plugin namespaces/emea.yaml:3:42 no plugin is named p',
      'unknown-environment namespaces/emea.yaml:3:61 no environment is named e',
      'unknown-environment policies/strict.yaml:3:25 no environment is named e',
      'unknown-environment releases/ops/1.0.0.yaml:3:46 no environment is named e',
      'unknown-environment targets/laptops.yaml:3:23 no environment is named e',
    ],
  ],
  [
    'a secret in an Mcp',
    {
      'plugins/ops/mcps/pager.yaml': yaml(
        'Mcp',
        'transport: streamable-http, url: "https://pager.example.com", headers: {Authorization: Bearer 0123456789abcdef}',
      ),
    },
    [
      'literal-secret plugins/ops/mcps/pager.yaml:3:95 spec.headers.Authorization holds a secret that all readers of the registry see (list it under spec.inputs with secret: true, and write ${NAME} here)',
    ],
  ],
  [
    'faults of many files, all at once',
    {
      'plugins/ops/plugin.yaml': `${plugin()}spec: {}\n`,
      'plugins/ops/skills/triage.yaml': 'a: [',
      'plugins/sales/skills/quote.yaml': yaml('Agent', 'description: d'),
      'channels/early.yaml': yaml('Channel', 'plugins: {gone: {}}'),
    },
    [
      'unknown-plugin channels/early.yaml:3:24 no plugin is named gone',
      'yaml-duplicate-key plugins/ops/plugin.yaml:5:1 the key spec stands twice in this map',
      'yaml-syntax plugins/ops/skills/triage.yaml:1:5 not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
      'wrong-kind plugins/sales/skills/quote.yaml:2:7 kind must be Skill at this path, not Agent',
    ],
  ],
];

describe('compile refuses', () => {
  it.each(TABLE)('%s', async (_, files, says) => {
    expect(told(diagnosticsOf(await compileFiles(smallRegistry(files))))).toEqual(says);
  });
});

describe('compile warns of', () => {
  it.each([
    ['plugins/notes.txt', 'unknown-path plugins/notes.txt'],
    ['Makefile', 'unknown-path Makefile'],
    ['scripts/deploy.sh', 'unknown-path scripts'],
    ['channels/old/stable.yaml', 'unknown-path channels/old/stable.yaml'],
    ['objects/notes.txt', 'unknown-path objects/notes.txt'],
  ])('%s, which it ignores', async (path, said) => {
    const { result } = await compileFiles(smallRegistry({ [path]: 'x' }));

    expect(result).toMatchObject({ ok: true });
    expect(told(diagnosticsOf({ result } as never))).toEqual([
      `${said}:1:1 no kind of document stands here; it is ignored`,
    ]);
  });

  it('the status of a release whose plugin has gone: an old pin still needs it', async () => {
    const files = { 'releases/gone/1.0.0.yaml': yaml('ReleaseStatus', 'yanked: {reason: r}') };

    expect(told(diagnosticsOf(await compileFiles(smallRegistry(files))))).toEqual([
      'unknown-plugin releases/gone/1.0.0.yaml:1:1 no plugin is named gone',
    ]);
  });
});

/** What only a hostile git writes: the tree of `plugins/sales/<name>`, or of another folder. */
describe('compile refuses a tree that holds', () => {
  async function refusals(
    entry: (
      blob: string,
      repo: string,
    ) => Promise<[Buffer | string, { mode: string; oid: string }][]>,
    at: 'docs' | 'plugins/sales' = 'plugins/sales',
  ): Promise<string[]> {
    return await withRepository(smallRegistry(), async (repository) => {
      const { path } = repository;
      const oidOf = (spec: string) => repository.git('rev-parse', `main:${spec}`);
      const blob = await writeObject(path, 'blob', Buffer.from('x'));
      const own = (await entry(blob, path)).map(
        ([name, row]) => [Buffer.from(name as string), row] as [Buffer, typeof row],
      );
      const file = async (name: string): Promise<[Buffer, { mode: string; oid: string }]> => [
        Buffer.from(name),
        { mode: '100644', oid: await oidOf(at === 'docs' ? name : `plugins/sales/${name}`) },
      ];
      const inside = await writeTree(
        path,
        at === 'docs' ? own : [...own, await file('plugin.yaml')],
      );
      const root = await writeTree(path, {
        'registry.yaml': { mode: '100644', oid: await oidOf('registry.yaml') },
        objects: { mode: '40000', oid: await oidOf('objects') },
        ...(at === 'docs'
          ? { docs: { mode: '40000', oid: inside } }
          : {
              plugins: {
                mode: '40000',
                oid: await writeTree(path, { sales: { mode: '40000', oid: inside } }),
              },
            }),
      });
      return told(diagnosticsOf(await compileAt(path, root)));
    });
  }
  const file = (oid: string, mode = '100644') => ({ mode, oid });

  it.each<[string, string | Buffer, string, string]>([
    [
      'a symbolic link',
      'link',
      '120000',
      'symlink plugins/sales/link:1:1 symbolic links are not allowed (put the file itself there)',
    ],
    [
      'a submodule',
      'module',
      '160000',
      'submodule plugins/sales/module:1:1 submodules are not allowed (put the files themselves there)',
    ],
    [
      'a mode that git does not write',
      'file',
      '100664',
      'file-mode plugins/sales/file:1:1 the file mode 100664 is not allowed (use 100644, or 100755 for what is run)',
    ],
    ['.git in capitals', '.GIT', '100644', 'name-dot-git plugins/sales/.GIT'],
    ['.git as Windows shortens it', 'git~1', '100644', 'name-dot-git plugins/sales/git~1'],
    ['..', '..', '100644', 'name-dots plugins/sales/..'],
    ['a newline', 'a\nb', '100644', 'name-control plugins/sales/a\\x0ab'],
    ['a backslash', '..\\evil', '100644', 'name-separator plugins/sales/..\\evil'],
    [
      'bytes that are not UTF-8',
      Buffer.from([0x63, 0xe9]),
      '100644',
      'name-encoding plugins/sales/c\\xe9:1:1 the name is not valid UTF-8 (rename it)',
    ],
    [
      'a path of 215 characters',
      'n'.repeat(201),
      '100644',
      `path-length plugins/sales/${'n'.repeat(201)}:1:1 the path has 215 characters: at most 200 are allowed`,
    ],
  ])('%s', async (_, name, mode, said) => {
    const [first, ...others] = await refusals(async (blob) => [[name, file(blob, mode)]]);

    expect(first?.startsWith(said)).toBe(true);
    expect(others).toEqual([]);
  });

  it.each([
    ['case', 'Readme', 'README', 'name-collision plugins/sales/Readme'],
    ['composition', 'caf\u00e9', 'cafe\u0301', 'name-collision plugins/sales/caf\u00e9'],
  ])('names that only %s keeps apart', async (_, one, other, said) => {
    const [first, ...others] = await refusals(async (blob) => [
      [one, file(blob)],
      [other, file(blob)],
    ]);

    expect(first).toContain(said);
    expect(others).toEqual([]);
  });

  it('any of it in a folder that is not read otherwise', async () => {
    const says = await refusals(async (blob) => [['link', file(blob, '120000')]], 'docs');

    expect(says).toEqual([
      'symlink docs/link:1:1 symbolic links are not allowed (put the file itself there)',
    ]);
  });

  it('a file over 5 MiB, unread', async () => {
    const large = Buffer.alloc(5 * 1024 * 1024 + 1, 'x');

    const says = await refusals(async (_, repo) => [
      ['large.bin', file(await writeObject(repo, 'blob', large))],
      ['exact.bin', file(await writeObject(repo, 'blob', large.subarray(1)))],
    ]);

    expect(says).toEqual([
      'file-too-large plugins/sales/large.bin:1:1 5242881 bytes are over the limit of 5 MiB a file',
    ]);
  });

  it('more than 64 MiB a plugin, read no further than that', async () => {
    const says = await refusals(async (_, repo) => {
      const oid = await writeObject(repo, 'blob', Buffer.alloc(5 * 1024 * 1024));
      return Array.from({ length: 200 }, (__, i) => [`f${i}`, file(oid)]);
    });

    expect(says).toEqual([
      'plugin-too-large plugins/sales:1:1 1048576116 bytes are over the limit of 64 MiB a plugin',
    ]);
  });

  it('folders nested too deep', async () => {
    const says = await refusals(async (blob, repo) => {
      let oid = await writeTree(repo, { file: file(blob) });
      for (let depth = 0; depth < 40; depth++)
        oid = await writeTree(repo, { d: file(oid, '40000') });
      return [['d', file(oid, '40000')]];
    });

    expect(says).toEqual([
      `too-deep plugins/sales${'/d'.repeat(33)}:1:1 folders nest deeper than 32`,
    ]);
  });

  it.each([
    ['files', 1],
    ['nothing but folders', 0],
  ])('a bomb of %s, before it goes off', async (_, files) => {
    const started = performance.now();

    const says = await refusals(async (blob, repo) => {
      let oid = await writeTree(repo, files === 0 ? {} : { file: file(blob) });
      for (let depth = 0; depth < 30; depth++) {
        const wide = Array.from({ length: 10 }, (__, i) => [`d${i}`, file(oid, '40000')]);
        oid = await writeTree(repo, Object.fromEntries(wide));
      }
      return [['bomb', file(oid, '40000')]];
    });

    expect(says).toEqual([
      'too-many-files .:1:1 the registry unpacks to more than 500000 files and folders',
    ]);
    expect(performance.now() - started).toBeLessThan(120_000);
  });

  it('a bomb, but not what was not looked at behind it', async () => {
    const says = await withRepository(smallRegistry(), async ({ path, git }) => {
      let oid = await writeTree(path, {});
      for (let depth = 0; depth < 30; depth++) {
        const wide = Array.from({ length: 10 }, (_, i) => [`d${i}`, file(oid, '40000')]);
        oid = await writeTree(path, Object.fromEntries(wide));
      }
      const root = await writeTree(path, {
        docs: file(oid, '40000'),
        'registry.yaml': file(await git('rev-parse', 'main:registry.yaml')),
        plugins: file(await git('rev-parse', 'main:plugins'), '40000'),
      });
      return told(diagnosticsOf(await compileAt(path, root)));
    });

    expect(says).toEqual([
      'too-many-files .:1:1 the registry unpacks to more than 500000 files and folders',
    ]);
  });

  it('a folder of more entries than git answers at once', async () => {
    const says = await refusals(async (blob) =>
      Array.from({ length: 20_001 }, (_, i) => [`f${i}`, file(blob)]),
    );

    expect(says[0]).toBe('too-many-files plugins/sales:1:1 a folder holds more than 20000 entries');
  });
});

describe('a long chain of plugins', () => {
  it('is followed to its end', async () => {
    const length = 3000;
    const files = Array.from({ length }, (_, i) => [
      `plugins/p${i}/plugin.yaml`,
      plugin(`requires: {p${(i + 1) % length}: ^1.0.0}`),
    ]);

    const [first, ...others] = diagnosticsOf(
      await compileFiles({ 'registry.yaml': registryYaml(), ...Object.fromEntries(files) }),
    );

    expect(first?.message).toMatch(/^requires form a ring: p0 → p1 → p2 → .* → p2999 → p0$/);
    expect(others).toEqual([]);
  });
});
