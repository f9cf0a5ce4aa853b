import type { QueryResult } from '../contract/read-agent.ts';
import type { Builtin } from '../sources/builtin-part.ts';
import { ownManifest } from './own-manifest.ts';

const MOST_CODES = 5;
const CODE = /(?<!\d)\d{8}(?!\d)/g;

/** Ukrainian company codes in a question, each with a record that is made up. */
export const opendatabot: Builtin = {
  manifest: ownManifest('opendatabot', {
    displayName: 'Opendatabot (made up)',
    category: 'automation',
    capabilities: { agent_query: true },
  }),
  methods: () => ({
    'agent.query': (params) => {
      const { query } = params as { query: string };
      const codes = [...new Set(query.match(CODE))].slice(0, MOST_CODES);
      return { results: codes.map(recordOf) };
    },
  }),
};

function recordOf(code: string): QueryResult {
  const checksumValid = isChecksumValid(code);
  const title = `Company ${code}`;
  const verdict = checksumValid ? 'its check digit is right' : 'its check digit is wrong';
  return {
    type: 'company',
    title,
    text: `${title}: registered. A made-up record; ${verdict}.`,
    data: { code, name: title, status: 'registered', checksumValid },
    score: checksumValid ? 1 : 0.5,
    source: { name: 'opendatabot (made up)', retrievedAt: '2024-01-01T00:00:00Z' },
    mock: true,
  };
}

const OUTER = [1, 2, 3, 4, 5, 6, 7];
const MIDDLE = [7, 1, 2, 3, 4, 5, 6];

/** The last digit of a code in the Ukrainian register checks the seven before it. */
export function isChecksumValid(code: string): boolean {
  const digits = Array.from(code, Number);
  const number = Number(code);
  const weights = number >= 30_000_000 && number <= 60_000_000 ? MIDDLE : OUTER;
  const rest = (more: number) =>
    weights.reduce((sum, weight, i) => sum + (weight + more) * digits[i]!, 0) % 11;
  const first = rest(0);
  const check = first < 10 ? first : rest(2) % 10;
  return check === digits[7];
}
