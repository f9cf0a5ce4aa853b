import { isDeepStrictEqual } from 'node:util';
import { valueAt } from '../callbacks/secret-of.ts';
import { isPassing, upstreamFailed } from './fault.ts';
import type { Expected } from './http-call.ts';

interface Answer {
  status: number;
  /** By lower-case name. */
  headers: Readonly<Record<string, string>>;
  /** Undefined of a body that is none. */
  json: unknown;
}

/** @throws {Fault} `INT_UPSTREAM_FAILED`, its `details.failures` all that is not as expected */
export function checkAssertions(answer: Answer, expected: Expected): void {
  const failures = [
    ...statusFailures(answer, expected),
    ...headerFailures(answer, expected),
    ...jsonFailures(answer, expected),
  ];
  if (failures.length === 0) return;
  const { status } = answer;
  const message = `the answer is not as expected: ${failures[0]}`;
  throw upstreamFailed(message, { status, failures }, isPassing(status));
}

function statusFailures({ status }: Answer, { status: wanted }: Expected): string[] {
  const isWanted = wanted ? wanted.includes(status) : status >= 200 && status <= 299;
  return isWanted ? [] : [`status ${status} is not ${wanted?.join(' or ') ?? '200 to 299'}`];
}

function headerFailures({ headers }: Answer, { headers: wanted = {} }: Expected): string[] {
  return Object.entries(wanted)
    .filter(([name, value]) => headers[name.toLowerCase()] !== value)
    .map(([name, value]) => `the header ${name} is not ${value}`);
}

function jsonFailures({ json }: Answer, { json: wanted = {} }: Expected): string[] {
  return Object.entries(wanted)
    .filter(([pointer, value]) => !isDeepStrictEqual(at(json, pointer), value))
    .map(([pointer, value]) => `${pointer || 'the body'} is not ${JSON.stringify(value)}`);
}

const at = (json: unknown, pointer: string): unknown =>
  pointer === '' ? json : valueAt(json, pointer);
