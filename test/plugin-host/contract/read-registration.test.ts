import { describe, expect, it } from 'vitest';
import { ContractViolation } from '../../../src/plugin-host/contract/contract-violation.ts';
import { readManagement } from '../../../src/plugin-host/contract/read-management.ts';
import { readRegistration } from '../../../src/plugin-host/contract/read-registration.ts';
import type { Capability } from '../../../src/registry/server-manifest/manifest.ts';

const DECLARED: ReadonlySet<Capability> = new Set(['management_api', 'tools']);
const metadata = { Name: 'Example', Version: '1.4.0', Author: 'Acme', GitHubRepository: 'a/b' };
const answer = { schema_version: 1, metadata, capabilities: { management_api: true } };
const read = (value: unknown) => readRegistration(value, DECLARED);

describe('readRegistration', () => {
  it('reads metadata and capabilities', () => {
    const said = {
      ...answer,
      metadata: { ...metadata, Logo: 'x', ConfigFields: [{ Name: 'url' }] },
    };

    expect(read(said)).toEqual({
      metadata: {
        name: 'Example',
        version: '1.4.0',
        author: 'Acme',
        repository: 'a/b',
        logo: 'x',
        configFields: [{ Name: 'url' }],
      },
      capabilities: new Set(['management_api']),
    });
  });

  it('reads keys in any case', () => {
    const { Name: name, Version: VERSION, Author: author, GitHubRepository } = metadata;
    const folded = { name, VERSION, author, githubrepository: GitHubRepository };
    const said = { Schema_Version: 1, METADATA: folded, Capabilities: { Management_API: true } };

    expect(read(said)).toEqual(read(answer));
  });

  it('takes a list of capabilities, and none for all that were declared', () => {
    expect(read({ ...answer, capabilities: ['tools'] }).capabilities).toEqual(new Set(['tools']));
    expect(read({ metadata }).capabilities).toEqual(DECLARED);
    expect(read({ ...answer, capabilities: { tools: false } }).capabilities).toEqual(new Set());
  });

  it.each([
    [[], 'plugin.register is no object'],
    [null, 'plugin.register is no object'],
    [{ ...answer, schema_version: 2 }, 'plugin.register.schema_version is no number from 1 to 1'],
    [{ ...answer, schema_version: '1' }, 'plugin.register.schema_version is no number from 1 to 1'],
    [{ capabilities: {} }, 'plugin.register.metadata is no object'],
    [
      { ...answer, metadata: { ...metadata, Author: ' \t' } },
      'plugin.register.metadata.Author is blank',
    ],
    [
      { ...answer, metadata: { ...metadata, Version: 1 } },
      'plugin.register.metadata.Version is no text',
    ],
    [
      { ...answer, capabilities: { api_routes: true } },
      'plugin.register.capabilities names api_routes, which plugin.json does not declare',
    ],
    [
      { ...answer, capabilities: { fly: true } },
      /^plugin.register.capabilities.fly is none of management_api, /,
    ],
    [
      { ...answer, capabilities: { tools: 1 } },
      'plugin.register.capabilities.tools is neither true nor false',
    ],
    [
      { ...answer, capabilities: { Tools: true, TOOLS: false } },
      'plugin.register.capabilities: Tools and TOOLS both spell tools',
    ],
  ])('refuses %j', (said, message) => {
    expect(() => read(said)).toThrow(ContractViolation);
    expect(() => read(said)).toThrow(message);
  });
});

describe('readManagement', () => {
  it('reads routes and pages, blank where nothing is said', () => {
    const said = {
      routes: [{ method: 'get', PATH: '/x', Menu: 'X', description: 'an x' }, { Path: null }],
      Resources: [{ Path: '/page', Menu: null }],
    };

    expect(readManagement(said)).toEqual({
      routes: [
        { method: 'get', path: '/x', menu: 'X', description: 'an x' },
        { method: '', path: '' },
      ],
      pages: [{ path: '/page' }],
    });
  });

  it('takes none and null for empty lists', () => {
    expect(readManagement({ Routes: null })).toEqual({ routes: [], pages: [] });
  });

  it.each([
    [{ Routes: {} }, 'management.register.Routes is no list'],
    [{ Routes: ['x'] }, 'management.register.Routes[0] is no object'],
    [{ Routes: [{ Method: 1 }] }, 'management.register.Routes[0].Method is no text'],
    [{ Resources: [{}, { Path: [] }] }, 'management.register.Resources[1].Path is no text'],
    [
      {
        Routes: [],
        Resources: [
          { Path: '/a', PATH: '/b', path: '/c' },
          { PATH: '', path: '' },
        ],
      },
      'management.register.Resources[1]: PATH and path both spell Path',
    ],
    [{ routes: [], ROUTES: [] }, 'management.register: routes and ROUTES both spell Routes'],
  ])('refuses %j', (said, message) => {
    expect(() => readManagement(said)).toThrow(ContractViolation);
    expect(() => readManagement(said)).toThrow(message);
  });

  it('counts routes and pages together', () => {
    const said = { Routes: [{}, {}], Resources: [{}, {}] };

    expect(readManagement(said, 4).pages).toHaveLength(2);
    expect(() => readManagement(said, 3)).toThrow('has 4 routes and pages: at most 3');
  });
});
