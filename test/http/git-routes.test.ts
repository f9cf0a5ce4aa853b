import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PushGate } from '../../src/git/gate.ts';
import { gitRoutes } from '../../src/http/git-routes.ts';
import { WaymarkError } from '../../src/model/errors.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';
import { makeRepository, runGit, type TestRepository } from '../support/git.ts';
import { gateWith } from '../support/git-server.ts';

let app: TestApp;
let repository: TestRepository;
let folder: string;
let gate: PushGate;
let checkWritable: () => void;
let actors: string[];
let logged: object[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waymark-git-routes-'));
  repository = await makeRepository({ 'registry.yaml': 'first' });
  gate = gateWith();
  checkWritable = () => {};
  actors = [];
  logged = [];
  const log = { info() {}, warn() {}, error: (facts: object) => void logged.push(facts) };
  app = await serveApp({
    isEnveloped: false,
    rows: () => gitRoutes({ log, findHome }),
  });
});

afterEach(async () => {
  await app.close();
  await repository.remove();
  await rm(folder, { recursive: true });
});

function findHome(org: string) {
  if (org !== 'acme') return undefined;
  return {
    repo: repository.path,
    checkWritable: () => checkWritable(),
    gate: ({ actor }: { actor: string }) => {
      actors.push(actor);
      return gate;
    },
  };
}

const remote = (token: string, org = 'acme') =>
  `${app.url.replace('://', `://any:${token}@`)}/git/${org}.git`;

async function cloneAndCommit(token: string): Promise<string> {
  const work = join(folder, 'work');
  await runGit(folder, ['clone', '-q', remote(token), 'work']);
  await writeFile(join(work, 'registry.yaml'), 'second');
  await runGit(work, ['commit', '-qam', 'Second']);
  return work;
}

const advertisement = (service: string) => `/git/acme.git/info/refs?service=git-${service}`;

describe('git clone', () => {
  it('needs a key that may read', async () => {
    await runGit(folder, ['clone', '-q', remote(await app.keyOf('viewer')), 'work']);

    expect(await runGit(join(folder, 'work'), ['rev-parse', 'HEAD'])).toBe(repository.head);
  });

  it('is refused without a key', async () => {
    const cloning = runGit(folder, ['clone', '-q', `${app.url}/git/acme.git`, 'work']);

    await expect(cloning).rejects.toThrow(/could not read Username|Authentication failed/);
  });

  it.each(['globex', 'nowhere'])('finds no repository of %s', async (org) => {
    const token = await app.keyOf('owner');

    const cloning = runGit(folder, ['clone', '-q', remote(token, org), 'work']);

    await expect(cloning).rejects.toThrow(`/git/${org}.git/' not found`);
  });

  it('says of another’s repository what it says of none', async () => {
    const token = await app.keyOf('owner');
    const path = (org: string) => `/git/${org}.git/info/refs?service=git-upload-pack`;

    const foreign = await app.ask<Refused>(path('globex'), { token });
    const unknown = await app.ask<Refused>(path('nowhere'), { token });

    expect(foreign.status).toBe(404);
    expect(foreign.body.error.message.replace('globex', 'nowhere')).toBe(
      unknown.body.error.message,
    );
  });
});

describe('git push', () => {
  it('goes through the gate, in the caller’s name', async () => {
    const work = await cloneAndCommit(await app.keyOf('editor'));

    await runGit(work, ['push', '-q']);

    expect(await repository.git('rev-parse', 'main')).toBe(
      await runGit(work, ['rev-parse', 'HEAD']),
    );
    expect(actors.at(-1)).toMatch(/^key:[0-9a-f-]{36}$/);
  });

  it('shows the author why the gate refuses', async () => {
    gate = gateWith({ check: async () => ({ accept: false, messages: ['a.yaml:3:1 no'] }) });
    const work = await cloneAndCommit(await app.keyOf('editor'));

    await expect(runGit(work, ['push'])).rejects.toThrow('remote: a.yaml:3:1 no');

    expect(await repository.git('rev-parse', 'main')).toBe(repository.head);
  });

  it('is refused to who may only read', async () => {
    const work = await cloneAndCommit(await app.keyOf('viewer'));

    await expect(runGit(work, ['push'])).rejects.toThrow('403');
  });

  it('is 503 from its first half on while the repository takes nothing, and reading goes on', async () => {
    const work = await cloneAndCommit(await app.keyOf('publisher'));
    checkWritable = () => {
      throw new WaymarkError('REG_CORRUPT', 'the repository is damaged');
    };

    const token = await app.keyOf('publisher');
    const asked = await app.ask(advertisement('receive-pack'), { token });
    const pushing = runGit(work, ['push', '-q', 'origin', 'main']);

    expect(asked.status).toBe(503);
    await expect(pushing).rejects.toThrow('503');
    await runGit(folder, ['clone', '-q', remote(await app.keyOf('viewer')), 'other']);
  });

  it('logs a gate that failed after git was told', async () => {
    gate = gateWith({ received: () => Promise.reject(new Error('the projection failed')) });
    const work = await cloneAndCommit(await app.keyOf('editor'));

    await runGit(work, ['push', '-q']);
    await app.ask('/healthz');

    expect(logged).toMatchObject([{ org: 'acme', error: { message: 'the projection failed' } }]);
  });
});

describe('what a request does', () => {
  const post = (path: string, service: string, token: string) =>
    app.ask<Refused>(path, {
      token,
      body: '0000',
      headers: { 'content-type': `application/x-git-${service}-request` },
    });

  it('is its route’s to say: no query turns a push into a read', async () => {
    const token = await app.keyOf('viewer');
    const path = '/git/acme.git/git-receive-pack?service=git-upload-pack';

    const answer = await post(path, 'receive-pack', token);

    expect([answer.status, answer.body.error.code]).toEqual([403, 'PERM_DENIED']);
    expect(answer.body.error.details).toEqual({ permission: 'registry:write' });
    expect(actors).toEqual([]);
  });

  it('is a push’s first half when it asks for what may be pushed to', async () => {
    const viewer = await app.keyOf('viewer');
    const both = `${advertisement('upload-pack')}&service=git-receive-pack`;

    const asked = await app.ask<Refused>(advertisement('receive-pack'), { token: viewer });
    expect([asked.status, asked.body.error.code]).toEqual([403, 'PERM_DENIED']);
    expect((await app.ask(advertisement('upload-pack'), { token: viewer })).status).toBe(200);
    expect((await app.ask(both, { token: viewer })).headers.get('content-type')).toMatch(
      'upload-pack',
    );
  });

  it.each(['?service=git-archive', '?service=', ''])(
    'is refused for info/refs%s',
    async (query) => {
      const token = await app.keyOf('owner');

      const answer = await app.ask<Refused>(`/git/acme.git/info/refs${query}`, { token });

      expect(answer.status).toBe(400);
      expect(answer.body.error.validationErrors).toMatchObject([{ field: 'service' }]);
    },
  );

  it('is 415 for a body of another type', async () => {
    const answer = await post(
      '/git/acme.git/git-upload-pack',
      'receive-pack',
      await app.keyOf('viewer'),
    );

    expect(answer.status).toBe(415);
  });

  it.each(['/git/acme.git/HEAD', '/git/acme.git/objects/info/packs', '/git/acme/info/refs'])(
    'is nothing at %s: files are not served',
    async (path) => {
      expect((await app.ask(path, { token: await app.keyOf('owner') })).status).toBe(404);
    },
  );
});
