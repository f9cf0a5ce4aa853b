/** `waymark/plugin`: what the author of a plugin's server part writes against. */
export type {
  PluginContext,
  PluginLogger,
  PluginReader,
  PluginSecrets,
  PluginStore,
  ReadQuery,
} from './context.ts';
export { definePlugin, type PluginDefinition } from './define-plugin.ts';
export { type AuthResult, authenticateRequest } from './dual-auth.ts';
export type { HttpAnswer, HttpOptions, HttpRequest, PluginHttp } from './http-client.ts';
export { bodyJson, bodyText, html, type ReplyOptions, reply } from './http-message.ts';
export {
  type ApprovalCreated,
  type DocumentReady,
  type IntegrationCheck,
  type IntegrationPlugin,
  type IntegrationResource,
  PluginCapability,
  type PluginEvent,
  type PluginIntegration,
  type PluginTool,
} from './integration-plugin.ts';
export { PluginError, type PluginErrorFacts } from './plugin-error.ts';
export type { RouteArguments, RouteHandler, RouteModule, RouteTree } from './route-tree.ts';
export type { ConfigSchema, TypedSchema } from './schema.ts';
export type * from './wire.ts';
