interface Greeting {
  url: string;
  org: string;
  plugin: string;
  /** Where the administrator's key is; undefined when the operator chose it. */
  keyFile: string | undefined;
}

/** What to try first: lines that work when they are pasted into a shell. */
export function greeting({ url, org, plugin, keyFile }: Greeting): string {
  const key = keyFile === undefined ? '$WAYMARK_ADMIN_TOKEN' : `$(cat ${quoted(keyFile)})`;
  const base = `${url}/v1/orgs/${org}/delivery`;
  const curl = `curl -sS -H "Authorization: Bearer ${key}"`;
  return [
    `admin key: ${keyFile ?? 'what WAYMARK_ADMIN_TOKEN said on the first start'}`,
    'try:',
    `  ${curl} ${base}/index`,
    `  ${curl} ${base}/plugins/${plugin}/manifest`,
    `  ${curl} -o ${plugin}.tar.gz ${base}/plugins/${plugin}/download`,
  ].join('\n');
}

/** For a shell, inside `"$(…)"`. */
const quoted = (path: string): string =>
  /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
