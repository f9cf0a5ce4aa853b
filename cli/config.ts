import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Failure } from './errors.ts';

/** Whom to talk to, and as whom. */
export interface Credentials {
  url?: string;
  org?: string;
  token?: string;
}

/** Everything that a run takes from outside its arguments. */
export interface Environment {
  credentials: Credentials;
  /** Where `login` keeps its file. */
  configDir: string;
  failpoints: string;
  /** Progress bars would only fill a log. */
  isCi: boolean;
  /** https://no-color.org */
  isColourless: boolean;
}

/** The only reader of the environment. */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  const configHome = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  return {
    credentials: withoutEmpty({
      url: env['WAYMARK_URL'],
      org: env['WAYMARK_ORG'],
      token: env['WAYMARK_TOKEN'],
    }),
    configDir: join(configHome, 'waymark'),
    failpoints: env['WAYMARK_FAILPOINTS'] ?? '',
    isCi: Boolean(env['CI']),
    isColourless: Boolean(env['NO_COLOR']),
  };
}

/** What `login` stored; empty when it never ran. */
export function readLogin(configDir: string): Credentials {
  const path = loginPath(configDir);
  try {
    const { url, org, token } = JSON.parse(readFileSync(path, 'utf8')) as Credentials;
    return withoutEmpty({ url, org, token });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new Failure(`${path} cannot be read: remove it, then run \`waymark login\` again`, {
      cause: error,
    });
  }
}

/** Readable by its owner alone, from the moment that it exists. */
export function storeLogin(configDir: string, login: Credentials): string {
  const path = loginPath(configDir);
  const temporary = `${path}.${randomBytes(4).toString('hex')}`;
  mkdirSync(configDir, { recursive: true, mode: 0o700 });
  writeFileSync(temporary, `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(temporary, path);
  return path;
}

/** Arguments win over the environment, and that over what `login` stored. */
export function mergeCredentials(...strongestFirst: Credentials[]): Credentials {
  return Object.assign({}, ...strongestFirst.reverse().map(withoutEmpty)) as Credentials;
}

const loginPath = (configDir: string): string => join(configDir, 'login.json');

function withoutEmpty(credentials: { [K in keyof Credentials]: string | undefined }): Credentials {
  return Object.fromEntries(Object.entries(credentials).filter(([, value]) => value));
}

/** For a service that shares nothing with the one whose settings stand here: these alone. */
export function environmentOf(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  return { PATH, HOME, ...(TMPDIR && { TMPDIR }), ...settings };
}

/** For a child process: ours, with some settings changed. */
export function environmentWith(settings: Record<string, string | undefined>): NodeJS.ProcessEnv {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return { ...process.env, ...Object.fromEntries(given) };
}
