import type { BuildFailure, BuildOptions, Message } from 'esbuild';
import { Failure } from '../errors.ts';
import type { PluginSource } from './source.ts';
import { standIns } from './stand-ins.ts';

/** The author's modules and routes, as one program that begins with these lines. */
interface Program {
  lines: string;
  platform: 'neutral' | 'node';
  /** Node's own modules are there. */
  hasNode: boolean;
  /** Of a test: JSON that stands for a name. */
  define?: Record<string, string>;
}

export interface Bundle {
  script: string;
  /** Paths of what went into it, relative to the author's folder. */
  inputs: readonly string[];
}

/** The one script of a server part: an ES module whose default export is the method table. */
export const bundlePlugin = (source: PluginSource): Promise<Bundle> =>
  bundle(source, {
    lines: `${imports(source)}\nexport default plugin;\n`,
    platform: source.manifest['runtime'] === 'process' ? 'node' : 'neutral',
    hasNode: source.manifest['runtime'] === 'process',
  });

/** A program for Node that writes to file descriptor 3 what the plugin's code says of itself. */
export const bundleDescription = (source: PluginSource, hasZod: boolean): Promise<Bundle> =>
  bundle(source, {
    lines: `${imports(source)}
import { writeFileSync } from 'node:fs';
import { describePlugin } from 'waymark:describe-plugin';
${hasZod ? "import { toJSONSchema } from 'zod/v4/core';" : 'const toJSONSchema = undefined;'}
writeFileSync(3, JSON.stringify(describePlugin(plugin, toJSONSchema)));
`,
    platform: 'node',
    hasNode: true,
  });

/** A test for Node, with where the server is that it asks. */
export const bundleTest = (dir: string, path: string, server: object): Promise<Bundle> =>
  bundle(
    { dir },
    {
      lines: `import './${path}';\n`,
      platform: 'node',
      hasNode: true,
      define: { WAYMARK_TEST_SERVER: JSON.stringify(server) },
    },
  );

function imports({ module, routes }: PluginSource): string {
  const files = [...routes];
  return [
    "import { assemble } from 'waymark:assemble';",
    module ? `import * as author from './${module}';` : 'const author = {};',
    ...files.map(([, path], i) => `import * as route${i} from './${path}';`),
    `const routes = {${files.map(([endpoint], i) => `${JSON.stringify(endpoint)}: route${i}`).join(', ')}};`,
    'const plugin = assemble(author, routes);',
  ].join('\n');
}

/** @throws {Failure} that names each fault's file, line and column */
async function bundle({ dir }: Pick<PluginSource, 'dir'>, program: Program): Promise<Bundle> {
  const { build } = await import('esbuild');
  const options = {
    stdin: { contents: program.lines, resolveDir: dir, sourcefile: 'waymark-entry.js' },
    absWorkingDir: dir,
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es2023',
    charset: 'utf8',
    platform: program.platform,
    mainFields: ['module', 'main'],
    conditions: ['import', 'module'],
    define: { 'process.env.NODE_ENV': '"production"', ...program.define },
    ...(program.define && { sourcemap: 'inline', sourceRoot: `${dir}/` }),
    // A description may run code that wants `require`; the packed script never does.
    external: program.hasNode ? ['node:*'] : [],
    plugins: [standIns({ hasNode: program.hasNode })],
    logLevel: 'silent',
    // Whose defaults would depend on where the author's folder lies.
    tsconfigRaw: {},
  } as const satisfies BuildOptions;
  const { outputFiles, metafile } = await build(options).catch(refuse);
  return { script: outputFiles[0]?.text ?? '', inputs: Object.keys(metafile.inputs) };
}

function refuse(error: unknown): never {
  const { errors } = error as Partial<BuildFailure>;
  if (!errors) throw error;
  throw new Failure(errors.map(lineOf).join('\n'), { cause: error });
}

function lineOf({ location, text }: Message): string {
  const place = location ? `${location.file}:${location.line}:${location.column + 1}: ` : '';
  const [, name] = /^Could not resolve "((?:@[^/"]+\/)?[^@./"][^/"]*)/.exec(text) ?? [];
  return `${place}${text}${name ? `: is it installed? npm install ${name}` : ''}`;
}

/** Of `zod` the plugin's own, so that its schemas and the conversion are of one version. */
export const usesZod = ({ inputs }: Bundle): boolean =>
  inputs.some((path) => /node_modules\/zod\//.test(path));
