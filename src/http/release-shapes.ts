import { digest, flag, listOf, objectOf, oid, text, time, whole } from './shapes.ts';

const example = {
  plugin: 'sales',
  version: '1.4.1',
  tag: 'sales--v1.4.1',
  tagOid: '1f2e3d4c5b6a79880716253443526170f9e8d7c6',
  seq: 2,
  commit: 'b2e1b6ad5b6a79880716253443526170f9e8d7c6',
  tree: '0713c0fd5b6a79880716253443526170f9e8d7c6',
  contentDigest: `sha256:${'5d'.repeat(32)}`,
  publishedAt: '2026-11-21T06:53:57.831Z',
  notes: 'Faster look-ups.',
  yanked: false,
};

/** A release of one plugin, as publishing it answers. */
export const publishedAnswer = {
  data: objectOf({
    plugin: text,
    version: text,
    tag: text,
    tagOid: oid,
    seq: whole,
    commit: oid,
    tree: oid,
    contentDigest: digest,
    publishedAt: time,
    notes: text,
    yanked: flag,
  }),
  example,
};

const { tree: _tree, ...listed } = example;
export const listedExample = listed;

export const yankAnswer = {
  data: objectOf({ plugin: text, version: text, yanked: flag, commit: oid }),
  example: { plugin: 'sales', version: '1.4.1', yanked: true, commit: example.commit },
};

const component = objectOf({
  componentId: text,
  version: text,
  commit: oid,
  tree: oid,
  contentDigest: digest,
});

const { tag: _tag, plugin, version, commit, tree, contentDigest, ...shared } = example;
const { yanked: _yanked, ...named } = shared;

/** A release of several plugins together. */
export const namedShape = objectOf({
  name: text,
  status: { const: 'ready' },
  tag: text,
  tagOid: oid,
  seq: whole,
  publishedAt: time,
  notes: text,
  components: listOf(component),
});

export const namedExample = {
  name: '2026-11',
  status: 'ready',
  tag: 'release/2026-11',
  ...named,
  components: [{ componentId: plugin, version, commit, tree, contentDigest }],
};
