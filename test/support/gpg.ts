import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

export interface Gpg {
  home: string;
  /** Runs gpg; `status` holds the machine-readable lines. */
  run(args: readonly string[], input?: Uint8Array | string): Promise<GpgAnswer>;
  importKey(armored: string): Promise<void>;
  /** Makes a key without a passphrase; answers its armored public key. */
  makeKey(name: string, algorithm: 'cv25519' | 'rsa2048'): Promise<string>;
  close(): Promise<void>;
}

export interface GpgAnswer {
  code: number;
  stdout: Buffer;
  stderr: string;
}

/** A real gpg with a keyring of its own, that trusts whatever is imported. */
export async function openGpg(): Promise<Gpg> {
  // A socket's path may not be longer than 108 bytes, so the folder is a short one.
  const home = await mkdtemp(path.join(os.tmpdir(), 'gpg-'));
  const always = ['--homedir', home, '--batch', '--no-tty', '--trust-model', 'always'];
  const run = (args: readonly string[], input: Uint8Array | string = '') =>
    execute('gpg', [...always, ...args], input);

  async function mustRun(args: readonly string[], input?: string): Promise<Buffer> {
    const { code, stdout, stderr } = await run(args, input);
    if (code !== 0) throw new Error(`gpg ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  return {
    home,
    run,
    importKey: async (armored) => {
      await mustRun(['--import'], armored);
    },
    async makeKey(name, algorithm) {
      await mustRun(['--gen-key'], parametersOf(name, algorithm));
      return (await mustRun(['--armor', '--export', name])).toString();
    },
    async close() {
      await execute('gpgconf', ['--homedir', home, '--kill', 'all'], '');
      await rm(home, { recursive: true, force: true });
    },
  };
}

function parametersOf(name: string, algorithm: 'cv25519' | 'rsa2048'): string {
  const [primary, subkey] =
    algorithm === 'rsa2048'
      ? ['RSA\nKey-Length: 2048', 'RSA\nSubkey-Length: 2048']
      : ['EDDSA\nKey-Curve: ed25519', 'ECDH\nSubkey-Curve: cv25519'];
  return `%no-protection\nKey-Type: ${primary}\nSubkey-Type: ${subkey}\nName-Real: ${name}\nExpire-Date: 0\n`;
}

export function execute(
  command: string,
  args: readonly string[],
  input: Uint8Array | string,
  env: NodeJS.ProcessEnv = {},
): Promise<GpgAnswer> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { PATH: process.env['PATH'], LC_ALL: 'C', ...env } });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    // gpg may refuse before it has read all of its input.
    child.stdin.on('error', () => {});
    child.on('close', (code) => {
      const text = Buffer.concat(stderr).toString();
      resolve({ code: code ?? -1, stdout: Buffer.concat(stdout), stderr: text });
    });
    child.stdin.end(input);
  });
}
