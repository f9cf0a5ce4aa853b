import { createHash } from 'node:crypto';
import { type RequestHandler, Router } from 'express';
import helmet from 'helmet';
import { matchesEtag } from './delivery-answer.ts';
import { script, style } from './docs-assets.ts';
import { docsPage } from './docs-page.ts';
import type { OpenApi } from './openapi.ts';
import { refuseOthers } from './route.ts';

/** `GET /openapi.json`, and `GET /docs`, which shows it: for everybody, and made once. */
export function docsRouter(document: OpenApi): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router
    .route('/openapi.json')
    .get(fixed('application/json', JSON.stringify(document)))
    .all(refuseOthers(['GET']));
  router
    .route('/docs')
    .get(secured(), fixed('text/html', docsPage(document)))
    .all(refuseOthers(['GET']));
  return router;
}

/** Nothing on the page comes from elsewhere, and of itself only what it was made with runs. */
function secured(): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: [hashOf(script)],
        styleSrc: [hashOf(style)],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Whether every host of a domain has TLS is for whoever runs it to know.
    strictTransportSecurity: false,
  });
}

const hashOf = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

function fixed(type: string, text: string): RequestHandler {
  const body = Buffer.from(text);
  const etag = `"${createHash('sha256').update(body).digest('hex')}"`;
  return (request, response) => {
    response.set({ 'Cache-Control': 'no-cache', ETag: etag });
    if (matchesEtag(request.headers['if-none-match'], etag)) response.status(304).end();
    else response.type(`${type}; charset=utf-8`).send(body);
  };
}
