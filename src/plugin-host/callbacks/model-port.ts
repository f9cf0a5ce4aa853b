export interface ModelRequest {
  /** The integration's own when not given. */
  model?: string;
  messages: readonly { role: string; content: unknown }[];
  maxTokens?: number;
  temperature?: number;
}

export interface ModelUsage {
  inputTokens: number;
  outputTokens: number;
}

export interface ModelAnswer {
  text: string;
  model: string;
  usage: ModelUsage | null;
}

/** A piece of an answer; the last one has what is known at the end. */
export interface ModelPiece {
  text: string;
  model?: string;
  usage?: ModelUsage | null;
}

export interface ModelCall {
  org: string;
  requestId: string;
  /** The call or the stream is given up. */
  signal: AbortSignal;
}

/** The org's integration of type `model.openai`. Both throw `PLG_MODEL_UNAVAILABLE` without one. */
export interface ModelPort {
  execute(call: ModelCall, request: ModelRequest): Promise<ModelAnswer>;
  stream(call: ModelCall, request: ModelRequest): AsyncIterable<ModelPiece>;
}
