import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { open, toRefusal } from '../http.ts';

/** A long log takes its time. */
const TIMEOUT_MS = 3_600_000;

/** The whole log of the org, as the server sends it. */
export async function openLog(cli: Cli, command: Command): Promise<AsyncIterable<Uint8Array>> {
  const query = { format: 'ndjson' };
  const asked = { path: '/api/v1/audit', query, limitBytes: 0, timeoutMs: TIMEOUT_MS };
  const response = await open(cli.connection(command), asked);
  if (response.status >= 400 || !response.body) throw await toRefusal(response);
  return response.body;
}
