/** What a server part may use; `limits` of its manifest only lowers them. */
export interface PluginLimits {
  memoryMb: number;
  stackKb: number;
  cpuSliceMs: number;
  loadMs: number;
  scriptBytes: number;
  requestBytes: number;
  answerBytes: number;
  headers: number;
  headerBytes: number;
  inFlight: number;
  queued: number;
  /** Management routes and pages together. */
  managementRoutes: number;
  apiRoutes: number;
}

export const LIMITS: Readonly<PluginLimits> = {
  memoryMb: 64,
  stackKb: 512,
  cpuSliceMs: 1000,
  loadMs: 5000,
  scriptBytes: 1024 * 1024,
  requestBytes: 1024 * 1024,
  answerBytes: 4 * 1024 * 1024,
  headers: 64,
  headerBytes: 16 * 1024,
  inFlight: 8,
  queued: 32,
  managementRoutes: 64,
  apiRoutes: 64,
};

/** After its deadline a call that ignored the cancellation costs the server part its life. */
export const HARD_KILL_MS = 500;
export const DRAIN_MS = 5000;
export const IDLE_STOP_MS = 5 * 60_000;
export const SANDBOXES_PER_ORG = 16;
export const SANDBOXES_PER_NODE = 64;
