import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { greeting } from '../../src/http/greeting.ts';

const site = { url: 'http://127.0.0.1:7420', org: 'acme', plugin: 'sales' };

/** What a shell makes of the lines that are to be pasted, with `echo` in place of `curl`. */
function pasted(text: string, env: Record<string, string> = {}): string[] {
  const lines = text.split('\n').filter((line) => line.startsWith('  curl '));
  const script = lines.join('\n').replaceAll('curl ', 'printf "%s " ');
  return execFileSync('/bin/sh', ['-c', script], { env }).toString().split('-sS ').slice(1);
}

describe('greeting', () => {
  it('says where the key is, and three lines that use it', () => {
    expect(greeting({ ...site, keyFile: '/srv/data/admin-key' })).toBe(
      [
        'admin key: /srv/data/admin-key',
        'try:',
        '  curl -sS -H "Authorization: Bearer $(cat /srv/data/admin-key)" http://127.0.0.1:7420/v1/orgs/acme/delivery/index',
        '  curl -sS -H "Authorization: Bearer $(cat /srv/data/admin-key)" http://127.0.0.1:7420/v1/orgs/acme/delivery/plugins/sales/manifest',
        '  curl -sS -H "Authorization: Bearer $(cat /srv/data/admin-key)" -o sales.tar.gz http://127.0.0.1:7420/v1/orgs/acme/delivery/plugins/sales/download',
      ].join('\n'),
    );
  });

  it('stands a folder with spaces and quotes in its name', () => {
    const folder = mkdtempSync(join(tmpdir(), "way mark's $HOME "));
    const keyFile = join(folder, 'admin-key');
    writeFileSync(keyFile, 'wmk_secret\n');

    const [first] = pasted(greeting({ ...site, keyFile }), { PATH: '/usr/bin:/bin' });
    rmSync(folder, { recursive: true });

    expect(first).toBe(
      `-H Authorization: Bearer wmk_secret ${site.url}/v1/orgs/acme/delivery/index `,
    );
  });

  it('names the setting where the operator chose the key', () => {
    const lines = pasted(greeting({ ...site, keyFile: undefined }), {
      PATH: '/usr/bin:/bin',
      WAYMARK_ADMIN_TOKEN: 'chosen',
    });

    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch('-H Authorization: Bearer chosen ');
  });
});
