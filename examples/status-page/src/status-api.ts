import { type HttpAnswer, type JsonObject, type PluginContext, PluginError } from 'waymark/plugin';

/** Of this integration; `token` is its credential, or the name that stands for it. */
export interface Page {
  endpoint: string;
  page: string;
}
type Context = PluginContext<Page>;

interface Component {
  id: string;
  name: string;
  status: string;
}

/** What is wrong, in a sentence; nothing where the page answers. */
export async function checkPage(ctx: Context): Promise<string | undefined> {
  const { status } = await ask(ctx, 'GET', 'components');
  if (status === 200) return undefined;
  if (status === 401 || status === 403) return 'the token is not accepted';
  return `the status page answers ${status}`;
}

export async function listComponents(ctx: Context): Promise<readonly Component[]> {
  const answer = await ask(ctx, 'GET', 'components');
  return checked(answer).json<{ components: Component[] }>().components;
}

export async function openIncident({ title, message }: JsonObject, ctx: Context) {
  const answer = await ask(ctx, 'POST', 'incidents', { title, message, status: 'investigating' });
  return { incidentId: checked(answer).json<{ id: string }>().id };
}

export async function resolveIncident({ incidentId }: JsonObject, ctx: Context) {
  const path = `incidents/${encodeURIComponent(String(incidentId))}`;
  checked(await ask(ctx, 'PATCH', path, { status: 'resolved' }));
  return {};
}

function ask({ config, http }: Context, method: string, path: string, body?: object) {
  const { endpoint, page } = config;
  const url = `${endpoint.replace(/\/$/, '')}/pages/${encodeURIComponent(page)}/${path}`;
  // The host replaces the name where it stands in a header.
  const headers = { authorization: 'Bearer secret:token' };
  return http.request({ method, url, headers, ...(body && { body }) });
}

function checked(answer: HttpAnswer): HttpAnswer {
  if (answer.ok) return answer;
  throw new PluginError('STATUS_PAGE', `the status page answers ${answer.status}`, {
    isRetryable: answer.status >= 500,
    details: { status: answer.status },
  });
}
