const tiers = [
  'plugin-sdk',
  'model',
  'config|git|signing|outbound',
  'registry',
  'delivery|changes|release|mirror|secrets|environment|promotion|workflow|deployment|rollout|evidence|plugin-host|identity|audit|backup',
  'database|queue',
  'http|workers',
  'service',
  'main[.]ts',
].map((names) => `^src/(${names})(/|$)`);

const rule = (name, from, to) => ({ name, severity: 'error', from, to });
const onlyIn = (folder, name) => {
  const from = { path: '^(src|cli)/', pathNot: `^src/${folder}/` };
  return rule(`only-${folder}-knows-${name}`, from, { path: `node_modules/(@types/)?${name}/` });
};
const cliSees = '^src/(model|registry|signing)/';

export default {
  forbidden: [
    ...tiers
      .slice(0, -1)
      .map((path, i) => rule(`inward-only-${i}`, { path }, { path: tiers.slice(i + 1) })),
    rule('every-folder-has-a-tier', {}, { path: '^src/', pathNot: tiers }),
    rule('src-stands-alone', { path: '^src/' }, { path: '^(cli|console|test|bench)/' }),
    rule('cli-is-a-client', { path: '^cli/' }, { path: '^src/', pathNot: cliSees }),
    rule('no-cycles', {}, { circular: true }),
    onlyIn('http', 'express'),
    onlyIn('database', 'kysely'),
    onlyIn('queue', 'bullmq'),
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true, // type-only imports have a direction too
    doNotFollow: { path: 'node_modules' },
  },
};
