import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Diagnostic, formatDiagnostic, isError } from '../../src/model/diagnostic.ts';
import { secretFields } from '../../src/registry/server-manifest/secret-fields.ts';
import { callApi } from '../api.ts';
import { Failure, ServerRefusal } from '../errors.ts';
import { type Connection, open } from '../http.ts';
import type { DevServer } from './dev-server.ts';

type Fields = Readonly<Record<string, unknown>>;

/** `dev.json` beside `plugin.json`: with what the plugin runs while it is written. */
export interface DevSettings {
  config?: Fields;
  /** Of the plugin's integration types, by name. */
  integrations?: Readonly<
    Record<
      string,
      { type: string; config?: Fields; credentials?: Readonly<Record<string, string>> }
    >
  >;
}

export function readDevSettings(dir: string): DevSettings {
  const path = join(dir, 'dev.json');
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as DevSettings;
  } catch (cause) {
    throw new Failure(`${path}: ${(cause as Error).message}`, { cause });
  }
}

/** The namespace where agents' queries and tools can be tried. */
export const DEV_NAMESPACE = 'dev';
/** One of the example organisation's. */
const DEPARTMENT = 'engineering';

/** Enables the plugin with all that it asks for, in the organisation and in a namespace. */
export async function enablePlugin(
  server: DevServer,
  manifest: { id: string; configSchema?: object },
  { config = {}, integrations = {} }: DevSettings,
): Promise<void> {
  const connection = connectionTo(server);
  const secrets = new Map<string, string>();
  const kept = withoutSecrets(config, manifest.configSchema ?? {}, secrets);
  const documents = Object.entries(integrations).map(([name, one]) =>
    integrationDocument(name, one, secrets),
  );
  for (const [name, value] of secrets) {
    await callApi(connection, { method: 'PUT', path: `/secrets/${name}`, body: { value } });
  }
  const bound = { enabled: true, config: kept };
  const grants = ['http', 'kv', 'secrets', 'read', 'model', 'publicRoutes'];
  const namespace = { department: DEPARTMENT, plugins: { [manifest.id]: bound } };
  await callApi(connection, {
    method: 'POST',
    path: '/changes',
    body: {
      base: await headOf(connection),
      message: `Enable ${manifest.id}`,
      operations: [
        {
          op: 'patch',
          path: 'registry.yaml',
          patch: [{ op: 'add', path: `/spec/plugins/${manifest.id}`, value: { ...bound, grants } }],
        },
        document(`namespaces/${DEV_NAMESPACE}.yaml`, 'Namespace', namespace),
        ...documents,
      ],
    },
  }).catch(explain);
}

/** What `dev.json` has is checked as any registry's configuration is. */
function explain(error: unknown): never {
  if (!(error instanceof ServerRefusal)) throw error;
  const { diagnostics = [] } = (error.details ?? {}) as { diagnostics?: readonly Diagnostic[] };
  const lines = diagnostics.filter(isError).map(formatDiagnostic);
  throw new Failure([`dev.json: ${error.message}`, ...lines].join('\n'), { cause: error });
}

export const connectionTo = ({ url, token, org }: DevServer): Connection => ({ url, token, org });

/** The commit of `main` that is served. */
async function headOf(connection: Connection): Promise<string> {
  const path = `/v1/orgs/${connection.org}/delivery/index`;
  const answer = await open(connection, { path, limitBytes: 0 });
  await answer.body?.cancel();
  return answer.headers.get('x-waymark-commit') ?? '';
}

/** Git never holds a secret: `{"token": "…"}` in `dev.json` becomes a reference to what is stored. */
function withoutSecrets(config: Fields, schema: object, secrets: Map<string, string>): Fields {
  const isSecret = new Set(secretFields(schema as Fields));
  return Object.fromEntries(
    Object.entries(config).map(([field, value]) => [
      field,
      isSecret.has(field) && typeof value === 'string' ? keep(field, value, secrets) : value,
    ]),
  );
}

function keep(field: string, value: string, secrets: Map<string, string>) {
  const secretRef = `dev-${field.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
  secrets.set(secretRef, value);
  return { secretRef };
}

function integrationDocument(
  name: string,
  { type, config = {}, credentials = {} }: NonNullable<DevSettings['integrations']>[string],
  secrets: Map<string, string>,
) {
  const kept = Object.entries(credentials).map(
    ([field, value]) => [field, keep(`${name}-${field}`, value, secrets)] as const,
  );
  const spec = { type, config, credentials: Object.fromEntries(kept) };
  return document(`integrations/${name}.yaml`, 'Integration', spec);
}

/** JSON is YAML. */
const document = (path: string, kind: string, spec: object) => ({
  op: 'upsert',
  path,
  content: `${JSON.stringify({ apiVersion: 'waymark/v1', kind, spec }, null, 2)}\n`,
});
