import { randomUUID } from 'node:crypto';
import { WaymarkError } from '../../../model/errors.ts';
import type { ModelPiece } from '../../callbacks/model-port.ts';
import { after } from '../../timers.ts';

const MOST = 64;
/** Of a stream that nobody comes back for. */
const LIFETIME_MS = 60_000;

interface OpenStream {
  pieces: AsyncIterator<ModelPiece>;
  /** Ends the connection. */
  closing: AbortController;
}

/** Answers that are being read, piece by piece, over several calls. */
export interface OpenStreams {
  /** @throws {WaymarkError} `PLG_BUSY` */
  check(): void;
  add(stream: OpenStream): string;
  /** Undefined at the end. The stream is closed then, and by whatever it throws. */
  read(id: string, giveUp: AbortSignal): Promise<ModelPiece | undefined>;
  close(id: string): void;
  closeAll(): void;
}

export function createOpenStreams(lifetimeMs = LIFETIME_MS): OpenStreams {
  const streams = new Map<string, OpenStream>();

  const close = (id: string) => streams.get(id)?.closing.abort(closed());

  return {
    check() {
      if (streams.size < MOST) return;
      throw new WaymarkError('PLG_BUSY', `at most ${MOST} answers are read at a time`);
    },

    add(stream) {
      const id = randomUUID();
      streams.set(id, stream);
      const callOff = after(lifetimeMs, () => close(id));
      const forget = () => {
        callOff();
        streams.delete(id);
      };
      stream.closing.signal.addEventListener('abort', forget, { once: true });
      return id;
    },

    async read(id, giveUp) {
      const stream = streams.get(id);
      if (!stream) throw new WaymarkError('RES_NOT_FOUND', 'streamId names no open stream');
      const abort = () => stream.closing.abort(giveUp.reason);
      giveUp.addEventListener('abort', abort, { once: true });
      try {
        if (giveUp.aborted) abort();
        const { done, value } = await stream.pieces.next();
        if (!done) return value;
      } catch (error) {
        close(id);
        throw error;
      } finally {
        giveUp.removeEventListener('abort', abort);
      }
      close(id);
      return undefined;
    },

    close,

    closeAll() {
      for (const id of streams.keys()) close(id);
    },
  };
}

const closed = () => new WaymarkError('PLG_CALLBACK_REFUSED', 'the stream was closed');
