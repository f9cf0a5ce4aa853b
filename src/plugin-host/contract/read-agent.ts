import {
  fieldsAt,
  flagAt,
  type JsonMap,
  listAt,
  mapAt,
  numberAt,
  optional,
  type Read,
  textAt,
  timeAt,
  violation,
  wordAt,
} from './shape.ts';

/** One thing that a plugin knows about a query; the host adds whose it is. */
export interface QueryResult {
  type: string;
  title: string;
  text?: string;
  data?: JsonMap;
  /** From 0 to 1. */
  score?: number;
  source?: { name: string; url?: string; retrievedAt: string };
  /** Made up, for trying things out. */
  mock?: boolean;
  expiresAt?: string;
}

const RESULTS = 20;
const RESULT_BYTES = 64 * 1024;
const LONG = textAt(RESULT_BYTES);

/** Pages show it as a link, where `javascript:` would run. */
const linkAt: Read<string> = (value, at) => {
  const text = textAt(2048)(value, at);
  if (/^https?:$/.test(URL.parse(text)?.protocol ?? '')) return text;
  throw violation(at, 'is no address that starts http: or https:');
};

const sourceAt = fieldsAt(['name', 'url', 'retrievedAt'], (fields, at) => ({
  name: textAt(200)(fields.name, at('name')),
  ...optional('url', fields.url, at('url'), linkAt),
  retrievedAt: timeAt(fields.retrievedAt, at('retrievedAt')),
}));

const fieldsOfResult = fieldsAt(
  ['type', 'title', 'text', 'data', 'score', 'source', 'mock', 'expiresAt'],
  (fields, at): QueryResult => ({
    type: wordAt(200)(fields.type, at('type')),
    title: wordAt(2000)(fields.title, at('title')),
    ...optional('text', fields.text, at('text'), LONG),
    ...optional('data', fields.data, at('data'), mapAt),
    ...optional('score', fields.score, at('score'), numberAt(0, 1)),
    ...optional('source', fields.source, at('source'), sourceAt),
    ...optional('mock', fields.mock, at('mock'), flagAt),
    ...optional('expiresAt', fields.expiresAt, at('expiresAt'), timeAt),
  }),
);

const resultAt: Read<QueryResult> = (value, at) => {
  const result = fieldsOfResult(value, at);
  const size = Buffer.byteLength(JSON.stringify(result));
  if (size > RESULT_BYTES) throw violation(at, `has ${size} bytes: at most ${RESULT_BYTES}`);
  return result;
};

/**
 * The answer to `agent.query`.
 *
 * @throws {ContractViolation}
 */
export const readQueryResults = (value: unknown): readonly QueryResult[] =>
  fieldsAt(['results'], ({ results }, at) => listAt(RESULTS, resultAt)(results, at('results')))(
    value,
    'agent.query',
  );

export interface ToolResult {
  content: readonly { type: string; text: string }[];
  structuredContent?: JsonMap;
  isError?: boolean;
}

const contentAt = fieldsAt(['type', 'text'], (fields, at) => ({
  type: wordAt(50)(fields.type, at('type')),
  text: textAt(Number.POSITIVE_INFINITY)(fields.text, at('text')),
}));

/**
 * The answer to `tool.call`.
 *
 * @throws {ContractViolation}
 */
export const readToolResult = (value: unknown): ToolResult =>
  fieldsAt(['content', 'structuredContent', 'isError'], (fields, at) => ({
    content: listAt(100, contentAt)(fields.content, at('content')),
    ...optional('structuredContent', fields.structuredContent, at('structuredContent'), mapAt),
    ...optional('isError', fields.isError, at('isError'), flagAt),
  }))(value, 'tool.call');
