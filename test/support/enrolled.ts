import { afterEach, beforeEach } from 'vitest';
import { makeClient, type TestClient } from './client.ts';
import { type FakeFiles, type FakeRepository, makeFakeRepository } from './fake-repository.ts';
import { type FakeServer, startFakeServer } from './fake-server.ts';

export const salesFiles: FakeFiles = {
  'plugin.yaml': 'kind: Plugin\n',
  'skills/greet/SKILL.md': 'Say hello.\n',
  'skills/greet/hello.sh': { content: '#!/bin/sh\necho hello\n', mode: '0755' },
  'README.md': 'Sales.\n',
};

/** What stands where it was installed, with its content. */
export const contentsOf = (files: FakeFiles): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, file]) => [path, typeof file === 'string' ? file : file.content]),
  );

export interface Enrolled {
  repository: FakeRepository;
  server: FakeServer;
  client: TestClient;
}

/** A project that is enrolled with a server which has the plugin `sales`; anew for each test. */
export function useEnrolled(...enrolArguments: string[]): Enrolled {
  const enrolled = {} as Enrolled;
  beforeEach(async () => {
    const repository = await makeFakeRepository();
    const server = await startFakeServer(repository);
    const client = await makeClient({
      WAYMARK_URL: server.url,
      WAYMARK_ORG: 'acme',
      WAYMARK_TOKEN: 'wmk_1_s',
    });
    Object.assign(enrolled, { repository, server, client });
    repository.publish('sales', salesFiles);
    const { exitCode, stderr } = await client.run('enrol', '--name', 'laptop', ...enrolArguments);
    if (exitCode !== 0) throw new Error(stderr);
    server.requests.length = 0;
  });
  afterEach(async () => {
    await enrolled.client.remove();
    await enrolled.server.close();
  });
  return enrolled;
}
