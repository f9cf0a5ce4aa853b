/** Of the contract between host and server parts: the highest that this host speaks. */
export const SCHEMA_VERSION = 1;
