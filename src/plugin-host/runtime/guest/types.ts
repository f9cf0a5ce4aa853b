/** What a call's handler gets besides its params. */
export interface GuestCall {
  signal: AbortSignal;
  deadlineMs: number;
}

/** A script's default export: one function per wire method. */
export type MethodTable = Readonly<Record<string, (params: unknown, call: GuestCall) => unknown>>;

/** The global `waymark`. */
export interface Waymark {
  /** `params.host_callback_id` is filled in where it is not given. */
  call: (name: string, params?: Readonly<Record<string, unknown>>) => Promise<unknown>;
  /** The `host.url.*` and `host.crypto.*` that need no round trip. */
  callSync: (name: string, params?: Readonly<Record<string, unknown>>) => unknown;
}

/** The call on whose behalf code runs. */
export interface Ambient {
  id: number;
  /** Its `host_callback_id`. */
  callbackId: string | undefined;
}

/** Remembers on whose behalf code runs, whatever it awaits. */
export interface AmbientStore {
  enter(call: Ambient | undefined, work: () => void): void;
  current(): Ambient | undefined;
}

export type MessageKind = 'answer' | 'callback';

/** What a runtime gives to the guest's side of the wire. */
export interface DispatchPort {
  /** One JSON text to the host. `id` is the call's or the callback's. */
  send: (kind: MessageKind, id: number, text: string) => void;
  callSync: (name: string, params: unknown) => unknown;
  ambient: AmbientStore;
  /** Its own world's. */
  AbortController: new () => { signal: unknown; abort(): void };
}

/** A callback that is not answered yet. */
export interface WaitingCallback {
  id: number;
  text: string;
  owner: Ambient | undefined;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** What the sandbox's thread does for the guest. Texts and bytes are bounded there. */
export interface Natives {
  answer(id: number, text: string): void;
  ask(id: number, text: string): void;
  loaded(): void;
  failed(reason: string): void;
  setTimer(id: number, ms: number): void;
  clearTimer(id: number): void;
  /** Takes and gives JSON. */
  callSync(name: string, params: string): string;
  encodeUtf8(text: string): ArrayBuffer;
  decodeUtf8(bytes: ArrayBuffer, fatal: boolean, ignoreBOM: boolean): string;
  toBase64(bytes: ArrayBuffer): string;
  fromBase64(text: string): ArrayBuffer;
}
