import type { Command } from 'commander';
import type { Clock } from '../src/model/clock.ts';
import { type Credentials, type Environment, mergeCredentials, readLogin } from './config.ts';
import { UsageError } from './errors.ts';
import type { Connection } from './http.ts';
import { findProject, openProject, type Project } from './install/project.ts';
import { openSession, type Session } from './install/session.ts';
import { createOutput, type Output, type TextStream } from './output.ts';

/** The world that a command runs in: everything it may touch outside its arguments. */
export interface World {
  environment: Environment;
  cwd: string;
  stdin: AsyncIterable<Uint8Array | string>;
  stdout: TextStream;
  stderr: TextStream;
  clock: Clock;
}

export interface GlobalOptions extends Credentials {
  json?: boolean;
  project?: string;
}

/** What every command gets: its surroundings, read lazily. */
export interface Cli {
  world: World;
  output(command: Command): Output;
  /** An enrolled or a new project: `--project`, else the nearest folder upwards that is enrolled. */
  project(command: Command): Project;
  session(command: Command): Promise<Session>;
  /** @throws {UsageError} when the server or the API key is not known */
  connection(command: Command): Connection;
  /** @throws {UsageError} when no org is named */
  org(command: Command): string;
  credentials(command: Command): Credentials;
  /** The exit code of a command that ended without an error; default 0. */
  exitWith(code: number): void;
}

export function createCli(world: World, exitWith: (code: number) => void): Cli {
  const optionsOf = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>();

  const credentials = (command: Command): Credentials => {
    const { url, org, token } = optionsOf(command);
    const { environment } = world;
    const given: Credentials = {
      ...(url && { url }),
      ...(org && { org }),
      ...(token && { token }),
    };
    return mergeCredentials(given, environment.credentials, readLogin(environment.configDir));
  };

  const project = (command: Command): Project => {
    const { project: dir } = optionsOf(command);
    return dir ? openProject(dir) : findProject(world.cwd);
  };

  const output = (command: Command): Output =>
    createOutput({
      stdout: world.stdout,
      stderr: world.stderr,
      json: optionsOf(command).json ?? false,
      bars: !world.environment.isCi,
    });

  return {
    world,
    exitWith,
    output,
    project,
    credentials,
    session: (command) => openSession(project(command), output(command), world.clock()),
    connection(command) {
      const { url, org, token } = credentials(command);
      return {
        url: parseUrl(url),
        token: required(token, 'an API key', '--token, WAYMARK_TOKEN or `waymark login`'),
        ...(org && { org }),
      };
    },
    org: (command) => required(credentials(command).org, 'an org', '--org or WAYMARK_ORG'),
  };
}

function required(value: string | undefined, what: string, how: string): string {
  if (value) return value;
  throw new UsageError(`this needs ${what}: give it with ${how}`);
}

/** @throws {UsageError} when it is not an http(s) address */
export function parseUrl(text: string | undefined): string {
  const given = required(text, "a server's address", '--url, WAYMARK_URL or `waymark login`');
  const url = URL.parse(given);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(
      `${JSON.stringify(given)} is no address such as https://waymark.example.com`,
    );
  }
  if (url.username || url.search || url.hash) {
    throw new UsageError(`${url.origin}: leave out what stands before @ or after ? and #`);
  }
  return url.href.replace(/\/+$/, '');
}
