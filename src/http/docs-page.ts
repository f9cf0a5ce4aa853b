import { script, style } from './docs-assets.ts';
import { shapeText } from './docs-shape.ts';
import type { OpenApi, Operation } from './openapi.ts';
import type { Json } from './openapi-components.ts';

interface Entry {
  method: string;
  path: string;
  operation: Operation;
}

/** The document as one page that needs nothing from elsewhere. */
export function docsPage(document: OpenApi): string {
  const { title, version, description: about } = document.info;
  const entries = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Entry => ({ method, path, operation })),
  );
  const sections = document.tags.map(({ name, description }) => {
    const own = entries.filter(({ operation }) => operation.tags.includes(name));
    return sectionOf(name, description, own, document);
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} API ${escaped(version)}</title>
<style>${style}</style>
</head>
<body>
<nav aria-label="Routes">
<h1>${escaped(title)} <small>${escaped(version)}</small></h1>
<input id="search" type="search" placeholder="Search (press /)" aria-label="Search routes" autocomplete="off">
<p id="count" role="status"></p>
${document.tags.map(({ name }) => linksOf(name, entries)).join('\n')}
</nav>
<main>
<p class="lead">${escaped(about)}
The same as data: <a href="openapi.json">openapi.json</a>.</p>
${sections.join('\n')}
<section><h2 id="schemas">Schemas</h2>
${schemasOf(document)}
</section>
</main>
<script>${script}</script>
</body>
</html>
`;
}

function linksOf(tag: string, entries: readonly Entry[]): string {
  const links = entries
    .filter(({ operation }) => operation.tags.includes(tag))
    .map(
      ({ method, path, operation }) =>
        `<li><a href="#${operation.operationId}"><b class="${method}">${method}</b> <span>${placeOf(path)}</span></a></li>`,
    );
  return `<h2>${escaped(tag)}</h2><ul>${links.join('')}</ul>`;
}

function sectionOf(
  tag: string,
  description: string,
  entries: readonly Entry[],
  document: OpenApi,
): string {
  const articles = entries.map((entry) => articleOf(entry, document));
  return `<section><h2 id="tag-${escaped(tag)}">${escaped(tag)}</h2>
<p>${escaped(description)}</p>
${articles.join('\n')}</section>`;
}

function articleOf({ method, path, operation }: Entry, document: OpenApi): string {
  const { operationId, summary, requestBody, responses } = operation;
  return `<article id="${operationId}">
<h3><b class="${method}">${method}</b> <code>${placeOf(path)}</code></h3>
<p>${escaped(summary)}</p>
<p class="who">${whoMay(operation['x-permission'])}</p>
${parametersOf(operation, document)}
${requestBody ? bodyOf('Body', requestBody) : ''}
${Object.entries(responses)
  .filter(([status]) => /^\d+$/.test(status))
  .map(([status, response]) => bodyOf(status, response))
  .join('\n')}
</article>`;
}

function whoMay(permission: Operation['x-permission']): string {
  if (permission === 'public') return 'Everybody, without a credential.';
  if (permission === 'self') return 'Whoever has a credential.';
  const sufficient = [permission].flat().map((one) => `<code>${escaped(one)}</code>`);
  return `Needs ${sufficient.join(' or ')}.`;
}

function parametersOf({ parameters = [] }: Operation, document: OpenApi): string {
  const rows = parameters.map((parameter) => {
    const { name, in: place, description = '', schema } = resolved(parameter, document);
    return `<tr><td><code>${escaped(String(name))}</code></td><td>${escaped(String(place))}</td>
<td>${escaped(shapeText(schema as Json))}</td><td>${prose(String(description))}</td></tr>`;
  });
  if (rows.length === 0) return '';
  return `<table><thead><tr><th>parameter</th><th>in</th><th>is</th><th></th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`;
}

function bodyOf(label: string, body: Json): string {
  const { description = '', content = {} } = body as {
    description?: string;
    content?: Record<string, { schema: Json; example?: unknown }>;
  };
  const parts = Object.entries(content).map(([type, { schema, example }]) => {
    const kind = type === 'application/json' ? '' : ` <code>${escaped(type)}</code>`;
    const shown =
      example === undefined
        ? ''
        : `<details><summary>Example</summary><pre>${escaped(JSON.stringify(example, null, 2))}</pre></details>`;
    return `${kind}<pre>${escaped(shapeText(schema))}</pre>${shown}`;
  });
  return `<h4>${escaped(label)}</h4> <span>${prose(description)}</span>${parts.join('')}`;
}

function schemasOf({ components }: OpenApi): string {
  const { schemas = {} } = components as { schemas?: Record<string, Json> };
  return Object.entries(schemas)
    .map(([name, schema]) => `<h4>${escaped(name)}</h4><pre>${escaped(shapeText(schema))}</pre>`)
    .join('\n');
}

/** `#/components/parameters/Page` → what it stands for */
function resolved(part: Json, document: OpenApi): Json {
  const { $ref } = part;
  if (typeof $ref !== 'string') return part;
  const steps = $ref.split('/').slice(1);
  return steps.reduce<Json>((place, step) => place[step] as Json, document as unknown as Json);
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign]!);

/** A path that breaks between its steps, where it has to. */
const placeOf = (path: string): string => escaped(path).replaceAll('/', '<wbr>/');

/** With what stands between backticks as code. */
const prose = (text: string): string => escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>');
