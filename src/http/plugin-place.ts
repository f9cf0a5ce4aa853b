import type { RequestHandler } from 'express';

/**
 * Where a plugin may write the body: there `error` is a text whoever writes it, for a caller cannot
 * know who did.
 *
 * @see docs/spec/plugin-host.md, "Error bodies"
 */
const PLACE = /^\/(?:v0\/(?:management|resource)(?![^/?])|api\/v1\/plugin\/[^/?]+\/[^?])/;

/** Where texts could end up in the page of an administrator. */
const MANAGEMENT = /^\/v0\/management(?![^/?])/;

export const isPluginPlace = (url = ''): boolean => PLACE.test(url);

export const isManagement = (url = ''): boolean => MANAGEMENT.test(url);

export const PAGE_POLICY =
  "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; " +
  "style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; " +
  "frame-ancestors 'self'";

/** What every answer there has, before anything may refuse the request. */
export const placePluginHeaders: RequestHandler = (request, response, next) => {
  if (isPluginPlace(request.originalUrl)) {
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Referrer-Policy', 'no-referrer');
    response.setHeader('Content-Security-Policy', "default-src 'none'; sandbox");
  }
  next();
};
