import { fileDiffShape, objectsShape } from './change-shapes.ts';
import { OID } from './patterns.ts';
import type { AnswerShape } from './route.ts';
import {
  diagnostic,
  flag,
  listOf,
  objectOf,
  oid,
  text,
  time,
  timeOrNull,
  whole,
} from './shapes.ts';

const status = { enum: ['draft', 'open', 'merged', 'closed'] };
const oidOrNull = { type: ['string', 'null'], pattern: OID };

const stored = {
  number: whole,
  title: text,
  description: text,
  source: text,
  target: text,
  author: text,
  head: oid,
  status,
  createdAt: time,
  updatedAt: time,
  mergedAt: timeOrNull,
  mergeCommit: oidOrNull,
  url: { type: ['string', 'null'] },
  version: whole,
};

const check = objectOf({
  name: text,
  status: { enum: ['pending', 'passed', 'failed'] },
  summary: text,
  diagnostics: listOf(diagnostic),
});

const review = objectOf({
  id: text,
  reviewer: text,
  verdict: { enum: ['approved', 'changes_requested', 'commented'] },
  body: text,
  head: oid,
  isStale: flag,
  createdAt: time,
});

const received = {
  oneOf: [
    objectOf({ contentDigest: text, version: text, rolloutPercent: { type: 'number' } }, [
      'version',
      'rolloutPercent',
    ]),
    { type: 'null' },
  ],
};

const clientChange = objectOf({
  channel: text,
  plugin: text,
  change: { enum: ['added', 'removed', 'updated', 'access'] },
  before: received,
  after: received,
  audience: objectOf({ before: listOf(text), after: listOf(text) }),
});

const example = {
  number: 7,
  title: 'Say how to call the server',
  description: '',
  source: 'say-how',
  target: 'main',
  author: 'user:ada@example.com',
  head: '1f0e9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e',
  status: 'open',
  createdAt: '2026-11-21T06:53:57.831Z',
  updatedAt: '2026-11-21T06:53:57.831Z',
  mergedAt: null,
  mergeCommit: null,
  url: null,
  version: 1,
};

const passed = { name: 'schema', status: 'passed', summary: 'valid, 0 warnings', diagnostics: [] };

const approval = {
  id: '019aa4f6-2d0a-7c6e-8d3b-0d0c3a1b5f11',
  reviewer: 'user:grace@example.com',
  verdict: 'approved',
  body: '',
  head: example.head,
  isStale: false,
  createdAt: '2026-11-21T07:10:03.120Z',
};

export const listedAnswer: AnswerShape = {
  data: objectOf(stored),
  isPage: true,
  example: [example],
};

export const changeRequestAnswer: AnswerShape = {
  data: objectOf({
    ...stored,
    checks: listOf(check),
    reviews: listOf(review),
    mergeable: flag,
    conflicts: listOf(text),
  }),
  example: { ...example, checks: [passed], reviews: [], mergeable: true, conflicts: [] },
};

export const reviewAnswer: AnswerShape = { data: review, example: approval };
export const reviewsAnswer: AnswerShape = { data: review, isPage: true, example: [approval] };

export const checksAnswer: AnswerShape = {
  data: objectOf({ head: oid, targetHead: oid, checks: listOf(check) }),
  example: { head: example.head, targetHead: example.head, checks: [passed] },
};

export const diffAnswer: AnswerShape = {
  data: objectOf({
    head: oid,
    targetHead: oid,
    files: listOf(fileDiffShape),
    objects: { oneOf: [objectsShape, { type: 'null' }] },
    clients: { oneOf: [listOf(clientChange), { type: 'null' }] },
  }),
};
