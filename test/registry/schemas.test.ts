import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { generateKinds } from '../../scripts/generate-kinds.ts';
import { KINDS, type SpecByKind } from '../../src/registry/kinds.ts';
import { readSchemas } from '../../src/registry/schema-files.ts';
import { SCHEMA_SET_DIGEST, validatorFor } from '../../src/registry/schemas.ts';

const inRoot = (path: string) => new URL(`../../${path}`, import.meta.url);

/** A document that sets every field, or as many as go together. It is typed by what was generated. */
const FULL: SpecByKind = {
  Registry: {
    title: 'Acme',
    delivery: { encryption: 'required', defaultAccess: 'orgWide' },
    protection: { changeRequest: true, approvals: 1, signedCommits: false },
    departments: { sales: { title: 'Sales', parent: 'commercial' } },
    roles: { captain: { title: 'Captain', permissions: ['releases:publish'] } },
    plugins: {
      sales: {
        enabled: true,
        version: '^1',
        allowUnreleased: false,
        config: { a: 1 },
        grants: ['http', 'secrets:token', 'read:releases'],
        priority: 10,
      },
    },
    pluginKeys: ['MCowBQYDK2VwAyEAMCowBQYDK2VwAyEAMCowBQYDK2U='],
  },
  Plugin: {
    title: 'Sales',
    description: 'Quotes.',
    version: '1.4.0-rc.1',
    license: 'MIT',
    author: { name: 'Ada', email: 'ada@example.com', url: 'https://example.com' },
    keywords: ['crm'],
    include: ['shared.context.voice'],
    exclude: ['sales.skill.old'],
    requires: { ops: '^1.2.0 || >=3' },
    policy: { mode: 'required', override: 'patch-only' },
    targets: ['claude'],
  },
  Skill: {
    description: 'd',
    bodyFrom: './SKILL.md',
    license: 'MIT',
    compatibility: 'curl',
    allowedTools: ['Read'],
    metadata: { a: 'b' },
    requires: ['sales.mcp.crm'],
  },
  Agent: {
    description: 'd',
    prompt: 'p',
    tools: ['Read'],
    model: { claude: 'opus' },
    mode: 'subagent',
    permission: { bash: { 'git *': 'allow' }, edit: 'deny' },
  },
  Command: {
    description: 'd',
    template: 't',
    agent: 'reviewer',
    model: 'opus',
    arguments: [{ name: 'seats', description: 'How many.', required: true }],
  },
  Tool: {
    name: 'ticket',
    description: 'd',
    runtime: 'node',
    source: '1',
    inputSchema: { type: 'object', properties: {} },
  },
  Mcp: {
    transport: 'stdio',
    command: 'serve',
    args: ['-v'],
    env: { TOKEN: '${TOKEN}' },
    inputs: [{ name: 'TOKEN', description: 'd', secret: true, required: true }],
    registry: { name: 'com.example/crm' },
  },
  Hook: { event: 'PreToolUse', command: ['./run.sh'], matcher: 'Bash', timeoutSec: 10 },
  Context: { body: 'b', globs: ['**/*.sql'], alwaysApply: false },
  Custom: { files: { 'a/b.json': '{}' }, mediaType: 'application/vnd.acme+json' },
  Marketplace: { title: 'Acme', description: 'd', owner: { name: 'Ada' }, plugins: ['sales'] },
  Channel: {
    range: '^1',
    minimumAgeSec: 60,
    rolloutPercent: 12.5,
    includePrerelease: true,
    plugins: { sales: { range: '1.x', rolloutPercent: 0 } },
  },
  Team: { members: ['ada@example.com'], department: 'sales' },
  Access: {
    orgWide: 'viewer',
    teams: [{ team: 'sales', role: 'editor' }],
    members: [{ user: 'ada@example.com', role: 'manager' }],
  },
  Namespace: {
    department: 'sales',
    covers: { plugins: ['sales'], environments: ['prod'] },
    plugins: { webhooks: { enabled: true, config: {} } },
  },
  ReleaseStatus: {
    yanked: { reason: 'r', at: '2026-11-02T09:00:00Z' },
    deprecated: { reason: 'r' },
    blocked: { reason: 'r', environmentIds: ['prod'] },
  },
  Environment: {
    orderIndex: 2,
    isProduction: true,
    componentIds: ['sales'],
    requiredApprovals: 2,
    approvalPolicyId: 'production',
    requireSeparationOfDuties: true,
    autoPromoteFrom: 'staging',
    workflowTemplateId: 'ship',
    strategyId: 'careful',
    promotionPolicy: { onConflict: 'queue', requireReason: true },
    gates: [
      {
        id: 'soak',
        type: 'soak',
        config: { minSeconds: 60 },
        enforcement: 'required',
        onError: 'warn',
        overridableBy: ['role:owner'],
      },
    ],
    rollbackWindow: { revisions: 3, withinSec: 60 },
    config: {
      variables: { A: 'b' },
      secrets: [{ name: 'A', secretRef: 'vault:a' }],
      agentLabels: { a: 'b' },
      deploymentTimeoutSec: 60,
      healthCheckIntervalSec: 60,
      driftRemediation: 'repair',
    },
  },
  FreezeWindow: {
    environmentId: 'prod',
    kind: 'deny',
    reason: 'r',
    timezone: 'Europe/Berlin',
    start: '2026-12-19T17:00:00Z',
    end: '2027-01-04T08:00:00+01:00',
    rrule: 'FREQ=YEARLY',
    exceptions: ['team:on-call'],
    targetSelector: { labels: { a: 'b' } },
    componentSelector: { ids: ['sales'], labels: { a: 'b' } },
  },
  Target: { environmentId: 'prod', kind: 'client_group', selector: { labels: { a: 'b' } } },
  ApprovalPolicy: {
    environmentIds: ['prod'],
    minApprovals: 2,
    separationOfDuties: true,
    approvers: [{ principal: 'team:security', required: true }],
    expiresAfterSec: 60,
    blockedSubjects: ['requester', 'tagger'],
    allowSelfReject: true,
  },
  WorkflowTemplate: {
    inputs: { type: 'object' },
    nodes: [
      {
        id: 'ship',
        type: 'deploy',
        name: 'Ship',
        config: {},
        needs: ['pre'],
        when: 'true',
        timeoutSec: 60,
        onFailure: { goto: 'undo' },
        retry: {
          maxAttempts: 3,
          backoff: 'exponential',
          delaySec: 1,
          maxDelaySec: 9,
          retryOn: ['timeout'],
        },
      },
      { id: 'undo', type: 'rollback', onFailure: 'continue' },
    ],
    timeoutSec: 60,
  },
  RolloutStrategy: {
    type: 'canary',
    maxConcurrent: 5,
    batchSize: 5,
    batchPct: 10,
    pauseSec: 60,
    maxFailurePct: 1,
    onFail: 'pause',
    countUnseen: true,
    progression: 'linear',
    stepPct: 10,
    intervalSec: 60,
    steps: [
      { setWeight: 500 },
      { pause: {} },
      {
        analysis: {
          metrics: [
            {
              name: 'm',
              source: 'http',
              query: 'q',
              successWhen: 'result < 1',
              failureWhen: 'result > 2',
              intervalSec: 60,
              count: 3,
              failureLimit: 1,
              inconclusiveLimit: 1,
            },
          ],
          minSamples: 20,
          onFail: 'rollback',
          onInconclusive: 'pause',
        },
      },
      { approval: { policyId: 'production' } },
    ],
  },
  Integration: {
    type: 'scm.github',
    enabled: true,
    config: { endpoint: 'https://example.com' },
    credentials: { token: { secretRef: 'github' } },
  },
};

describe('readSchemas', () => {
  it('gives schemas as JSON Schema 2020-12 has them', () => {
    const { kinds, definitions, manifest } = readSchemas();
    const ajv = new Ajv2020();

    for (const schema of [...kinds.values(), definitions, manifest]) {
      expect(ajv.validateSchema(schema), ajv.errorsText()).toBe(true);
    }
  });
});

describe('validatorFor', () => {
  it.each(KINDS)('takes a full document of kind %s', (kind) => {
    const validate = validatorFor(kind);

    validate({ apiVersion: 'waymark/v1', kind, spec: FULL[kind] });

    expect(validate.errors).toBeNull();
  });

  it.each(KINDS)('refuses an unknown field of kind %s', (kind) => {
    const spec = { ...FULL[kind], unheardOf: true };

    expect(validatorFor(kind)({ apiVersion: 'waymark/v1', kind, spec })).toBe(false);
  });

  it.each([
    ['stdio', { command: 'serve' }, true],
    ['stdio', { url: 'https://example.com' }, false],
    ['sse', { url: 'https://example.com', headers: { 'X-A': 'b' } }, true],
    ['sse', { command: 'serve' }, false],
    ['streamable-http', { url: 'https://example.com', env: {} }, false],
    ['websocket', { url: 'https://example.com' }, false],
  ])('an Mcp over %s with %j: %s', (transport, rest, isValid) => {
    const document = { apiVersion: 'waymark/v1', kind: 'Mcp', spec: { transport, ...rest } };

    expect(validatorFor('Mcp')(document)).toBe(isValid);
  });
});

describe('SCHEMA_SET_DIGEST', () => {
  it('is that of the files as they stand', () => {
    expect(SCHEMA_SET_DIGEST).toMatch(/^[0-9a-f]{64}$/);
    expect(SCHEMA_SET_DIGEST).toBe(readSchemas().digest);
  });
});

describe('npm run generate', () => {
  it('has been run since the schemas changed', async () => {
    expect(readFileSync(inRoot('src/registry/kinds.ts'), 'utf8')).toBe(await generateKinds());
  });

  it.each([...readSchemas().kinds.keys(), 'Definitions'])(
    'has copied %s to the template',
    (kind) => {
      const name = kind.replace(/(?!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
      const copy = readFileSync(inRoot(`registry-template/.waymark/schemas/${name}.json`));

      expect(copy.equals(readFileSync(inRoot(`schemas/${name}.json`)))).toBe(true);
    },
  );
});
