import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, resolve } from 'node:path';
import type { OnResolveArgs, OnResolveResult, Plugin } from 'esbuild';
import { packageRoot } from '../package.ts';

/**
 * What published plugins import of their hosts, and what stands for it here. By the end of what is
 * imported: each project has a prefix of its own.
 */
const STAND_INS: readonly (readonly [specifier: RegExp, module: string])[] = [
  [/^waymark\/plugin$/, 'plugin'],
  [/^waymark\/plugin\/testing$/, 'testing'],
  [/^waymark:(?:assemble|describe-plugin)$/, ''],
  [/^next\/server(?:\.js)?$/, 'next-server'],
  [/(?:^|\/)dual-auth(?:\.[jt]s)?$/, 'dual-auth'],
  [/(?:^|\/)rate-limit(?:\.[jt]s)?$/, 'rate-limit'],
  [/(?:^|\/)plugin-registry(?:\.[jt]s)?$/, 'use-plugin'],
  [/^\.\.?\/(?:.*\/)?types(?:\.[jt]s)?$/, 'plugin'],
];

const INSTEAD: readonly (readonly [name: RegExp, hint: string])[] = [
  [/^(?:fs|path|os)\b/, 'ctx.kv keeps values'],
  [/^(?:https?|http2|net|tls|dns|dgram)\b/, 'use ctx.http or fetch'],
  [/^(?:crypto)$/, 'use the global crypto, or ctx.callSync'],
  [/^(?:buffer)$/, 'use Uint8Array, atob and btoa'],
  [/^(?:url|util|events|stream|timers)\b/, 'use the globals of the web'],
];

const NAMESPACE = 'waymark';
const sdkDir = join(packageRoot, 'src/plugin-sdk');

/** Resolves stand-ins, and refuses what the sandbox does not have where it is imported. */
export const standIns = ({ hasNode }: { hasNode: boolean }): Plugin => ({
  name: 'waymark',
  setup(build) {
    build.onResolve({ filter: /^\.{1,2}\//, namespace: NAMESPACE }, ({ path }) => ({
      path: path.replace(/^\.\//, ''),
      namespace: NAMESPACE,
    }));
    build.onResolve({ filter: /./, namespace: 'file' }, (asked) => standIn(asked, hasNode));
    build.onLoad({ filter: /./, namespace: NAMESPACE }, ({ path }) => ({
      contents: readFileSync(join(sdkDir, path), 'utf8'),
      loader: 'ts',
    }));
    // Error messages in fifty languages are half of zod.
    build.onLoad({ filter: /node_modules[\\/]zod[\\/].*locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
});

function standIn(asked: OnResolveArgs, hasNode: boolean): OnResolveResult | undefined {
  const { path, kind } = asked;
  if (kind === 'entry-point') return undefined;
  const [, module] = STAND_INS.find(([specifier]) => specifier.test(path)) ?? [];
  if (module === undefined || !isAuthors(asked) || isThere(asked)) {
    return isBuiltin(path) && !hasNode ? refused(path) : undefined;
  }
  const name = module || path.slice('waymark:'.length);
  return { path: `${name}.ts`, namespace: NAMESPACE };
}

/** A dependency's own `./types.js` is its own. */
const isAuthors = ({ importer }: OnResolveArgs): boolean =>
  !/[\\/]node_modules[\\/]/.test(importer);

/** An author's file of that name is meant, where there is one. */
const isThere = ({ path, resolveDir }: OnResolveArgs): boolean =>
  path.startsWith('.') &&
  ['', '.ts', '.js', '/index.ts', '/index.js'].some((end) =>
    existsSync(resolve(resolveDir, path.replace(/\.js$/, '') + end)),
  );

function refused(path: string): OnResolveResult {
  const name = path.replace(/^node:/, '');
  const [, hint] = INSTEAD.find(([pattern]) => pattern.test(name)) ?? [];
  const text = `the sandbox has no ${path}${hint ? `: ${hint}` : ''}`;
  return { errors: [{ text }] };
}
