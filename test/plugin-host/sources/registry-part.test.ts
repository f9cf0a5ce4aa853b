import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  resolveServerPart,
  serverPartIds,
} from '../../../src/plugin-host/sources/registry-part.ts';
import { publishVersion } from '../../../src/release/publish.ts';
import { makeTestOrg, type TestOrg } from '../../support/org.ts';
import { plugin, serverPart, smallRegistry, yaml } from '../../support/registry.ts';

const MANIFEST = serverPart('crm')['plugins/crm/server/plugin.json']!;
const script = (text: string) => ({ 'plugins/crm/server/index.js': text });

let org: TestOrg;
beforeEach(async () => {
  org = await makeTestOrg(
    smallRegistry({
      'plugins/crm/plugin.yaml': plugin('version: 1.0.0', 'CRM'),
      ...serverPart('crm'),
    }),
  );
});
afterEach(() => org.remove());

/** One version after the other, each with its own text as its script. */
async function release(...versions: string[]): Promise<void> {
  for (const version of versions) {
    await org.commit(script(`// ${version}`));
    await publishVersion(org.publishing, { plugin: 'crm', version });
  }
}
const yank = (version: string) =>
  org.commit({
    [`releases/crm/${version}.yaml`]: yaml('ReleaseStatus', 'yanked: {reason: broken}'),
  });
const versionFor = async (version?: string, allowUnreleased?: boolean) =>
  (await resolveServerPart(org.runtime, 'crm', { version, allowUnreleased }))?.version;

describe('resolveServerPart', () => {
  it('reads the files of a release, whatever main says by now', async () => {
    await release('1.0.0');
    await org.commit(script('// not released'));

    const part = await resolveServerPart(org.runtime, 'crm');

    const record = await org.runtime.recordOf(org.runtime.view.releases.get('crm')![0]!);
    expect(
      Object.fromEntries([...part!.files].map(([name, bytes]) => [name, bytes.toString()])),
    ).toEqual({
      'plugin.json': MANIFEST,
      'index.js': '// 1.0.0',
    });
    expect(part).toMatchObject({
      pluginId: 'crm',
      version: '1.0.0',
      tag: 'crm--v1.0.0',
      isReleased: true,
    });
    expect(`sha256:${part!.digest}`).toBe(record.content.serverDigest);
  });

  it('takes the highest release that is neither yanked nor a prerelease', async () => {
    await release('1.9.0', '1.10.0', '2.0.0-rc.1', '1.2.0');
    expect(await versionFor()).toBe('1.10.0');

    await yank('1.10.0');
    expect(await versionFor()).toBe('1.9.0');
  });

  it('takes the highest of a range, but one that is named exactly as it is', async () => {
    await release('1.0.0', '1.1.0', '2.0.0', '3.0.0-rc.1');
    await yank('1.1.0');

    expect(await versionFor('^1')).toBe('1.0.0');
    expect(await versionFor('1.1.0')).toBe('1.1.0');
    expect(await versionFor('3.0.0-rc.1')).toBe('3.0.0-rc.1');
    expect(await versionFor('^4')).toBeUndefined();
    expect(await versionFor('1.0.1')).toBeUndefined();
  });

  it('takes what a channel offers', async () => {
    await release('1.0.0', '2.0.0');
    await org.commit({ 'channels/early.yaml': yaml('Channel', 'range: ^1') });

    expect(await versionFor('early')).toBe('1.0.0');
    expect(await versionFor('stable')).toBe('2.0.0');
    expect(await versionFor('nowhere')).toBeUndefined();
  });

  it('stays behind while a channel still rolls out', async () => {
    await release('1.0.0', '2.0.0');
    await org.commit({ 'channels/stable.yaml': yaml('Channel', 'rolloutPercent: 99') });
    expect(await versionFor('stable')).toBe('1.0.0');

    await org.commit({ 'channels/stable.yaml': yaml('Channel', 'rolloutPercent: 100') });
    expect(await versionFor('stable')).toBe('2.0.0');
  });

  it('runs what is not released only where that is allowed', async () => {
    await release('1.0.0');
    await org.commit(script('// ahead'));

    expect(await versionFor('rolling')).toBeUndefined();
    const part = await resolveServerPart(org.runtime, 'crm', {
      version: 'rolling',
      allowUnreleased: true,
    });
    expect(part).toMatchObject({ version: '1.0.0-dev.3', isReleased: false });
    expect(part).not.toHaveProperty('tag');
    expect(part!.files.get('index.js')?.toString()).toBe('// ahead');
  });

  it('has nothing of a plugin without a release, a server part or a folder on main', async () => {
    expect(await versionFor()).toBeUndefined();
    expect(await resolveServerPart(org.runtime, 'sales', {})).toBeUndefined();

    await release('1.0.0');
    await org.commit({
      'plugins/crm/plugin.yaml': null,
      'plugins/crm/server/plugin.json': null,
      'plugins/crm/server/index.js': null,
    });
    expect(await versionFor()).toBeUndefined();
  });

  it('has nothing of a release from before the server part', async () => {
    await publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });
    await org.commit(serverPart('sales'));

    expect(await resolveServerPart(org.runtime, 'sales')).toBeUndefined();
  });

  it('is not taken in by a record that states another digest', async () => {
    await release('1.0.0');
    const row = org.runtime.view.releases.get('crm')![0]!;
    const record = await org.runtime.recordOf(row);
    record.content.serverDigest = `sha256:${'0'.repeat(64)}`;

    await expect(resolveServerPart(org.runtime, 'crm')).rejects.toMatchObject({
      code: 'REG_CORRUPT',
    });
  });
});

describe('serverPartIds', () => {
  it('names the plugins that have a server part', () => {
    expect(serverPartIds(org.runtime.view)).toEqual(['crm']);
  });
});
