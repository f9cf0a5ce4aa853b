import { type Finding, fieldOf } from './finding.ts';
import type { McpSpec } from './kinds.ts';

/** Names that announce a secret: `GITHUB_TOKEN`, `X-Api-Key`, `--password`; not `MAX_TOKENS` or `TOKEN_URL`. */
const SECRET_NAME =
  /(token|secret|password|passwd|pwd|passphrase|authorization|cookie|(^|[_.-])(api|access|private|secret|signing)[_-]?key)$/i;

/** Forms that issuers gave their secrets so that they be found wherever they stand. */
const SECRET_FORM =
  /\b(gh[pousr]_[A-Za-z0-9]{20}|github_pat_\w{20}|glpat-[\w-]{20}|xox[abeoprs]-[\w-]{10}|(AKIA|ASIA)[A-Z0-9]{16}|sk-[\w-]{20}|[rs]k_(live|test)_\w{10}|AIza[\w-]{30}|eyJ[\w-]{10,400}\.eyJ|wm[kc]_[0-9a-f]{16}_\w)|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/;

/** `${NAME}` and `${input:name}` are filled in by the client; `${NAME:-text}` carries a literal. */
const PLACEHOLDER = /\$\{[^${}]*\}/g;
const FALLBACK = /:-([^}]*)/;

const HINT = 'list it under spec.inputs with secret: true, and write ${NAME} here';

/** The fields of an MCP server that hold a secret themselves instead of asking for one. */
export function findLiteralSecrets(spec: McpSpec): Finding[] {
  const named = [...entriesOf(spec, 'env'), ...entriesOf(spec, 'headers')]
    .filter(([pointer, value]) => isSecret(pointer.at(-1) ?? '', value))
    .map(([pointer]) => pointer);
  const args = (spec.args ?? []).flatMap((arg, i, all) =>
    isSecretArgument(arg, all[i - 1]) ? [['spec', 'args', String(i)]] : [],
  );
  const url = spec.url !== undefined && isSecretUrl(spec.url) ? [['spec', 'url']] : [];
  const defaults = (spec.inputs ?? []).flatMap((input, i) =>
    input.secret && input.default ? [['spec', 'inputs', String(i), 'default']] : [],
  );
  return [
    ...[...named, ...args, ...url].map((pointer) => literalSecret(pointer, HINT)),
    ...defaults.map((pointer) => literalSecret(pointer, 'leave it out: the installer asks for it')),
  ];
}

function literalSecret(pointer: string[], hint: string): Finding {
  const message = `${fieldOf(pointer)} holds a secret that all readers of the registry see`;
  return { code: 'literal-secret', pointer, of: 'value', message, hint };
}

const entriesOf = (spec: McpSpec, field: 'env' | 'headers'): [string[], string][] =>
  Object.entries(spec[field] ?? {}).map(([name, value]) => [['spec', field, name], value]);

function isSecret(name: string, value: string): boolean {
  if (SECRET_FORM.test(value)) return true;
  return SECRET_NAME.test(name) && isLiteral(value);
}

/** Something is left when placeholders, the scheme before them and plain switches are taken off. */
function isLiteral(value: string): boolean {
  const fallbackOf = (placeholder: string) => FALLBACK.exec(placeholder)?.[1] ?? '';
  const rest = value
    .replace(PLACEHOLDER, fallbackOf)
    .replace(PLACEHOLDER, fallbackOf) // one may be another's fallback
    .replace(/^\s*(bearer|basic|token|apikey)\b/i, '')
    .trim();
  return rest !== '' && !/^(true|false|\d{1,6})$/i.test(rest);
}

/** `--api-key=…`, `TOKEN=…` after `-e`, or a value after a bare `--token`. */
function isSecretArgument(arg: string, before: string | undefined): boolean {
  if (SECRET_FORM.test(arg)) return true;
  const [, name, value] = /^(?:--?)?([A-Za-z][\w.-]*)=(.*)$/s.exec(arg) ?? [];
  if (name !== undefined && value !== undefined) return SECRET_NAME.test(name) && isLiteral(value);
  const isFlag = before?.startsWith('--') && !before.includes('=') && !arg.startsWith('-');
  return isFlag === true && SECRET_NAME.test(before!) && isLiteral(arg);
}

/** A password before the host, or a query parameter that is named like a secret. */
function isSecretUrl(url: string): boolean {
  if (SECRET_FORM.test(url)) return true;
  const password = /^[a-z+.-]+:\/\/[^/?#@]*:([^/?#@]*)@/i.exec(url)?.[1];
  if (password !== undefined && isLiteral(password)) return true;
  const query = url.split('#', 1)[0]!.split('?')[1] ?? '';
  return query.split('&').some((pair) => {
    const [name = '', ...value] = pair.split('=');
    return SECRET_NAME.test(name) && isLiteral(value.join('='));
  });
}
