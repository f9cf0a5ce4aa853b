import express, { type Request, type Response } from 'express';
import { type BodySchema, jsonBody, readJson } from './json-body.ts';

const parseForm = express.urlencoded({ limit: '64kb', extended: false });

/** A body as OAuth's clients send it, a form; or as all others do here, in JSON. */
export function formBody<T>(schema: Record<string, unknown>): BodySchema<T> {
  const contentTypes = ['application/x-www-form-urlencoded', 'application/json'];
  return { ...jsonBody<T>(schema), contentTypes, read: readForm };
}

async function readForm(request: Request, response: Response): Promise<unknown> {
  if (request.is('urlencoded') === false) return readJson(request, response);
  await new Promise<void>((resolve, reject) => {
    parseForm(request, response, (error?: unknown) => (error ? reject(error) : resolve()));
  });
  return request.body as unknown;
}
