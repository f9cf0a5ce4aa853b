import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { resolve } = createRequire(import.meta.url);
const build = new URL('browser/index.js', pathToFileURL(resolve('yaml/package.json')));

/**
 * The library's build for where there is no environment: its Node build asks
 * `process.env` at every token whether to log it, a fifth of a cold compile.
 */
export const { Composer, CST, isAlias, isMap, isScalar, isSeq, Lexer, Parser } = (await import(
  build.href
)) as typeof import('yaml');
