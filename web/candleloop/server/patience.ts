/** How long an answer is waited for. */

export interface Patience {
  /** Aborted when the time is over or the client has gone. */
  signal: AbortSignal;
  /** The whole time once more. */
  renew: () => void;
  /** The time stands still: it is not the service that is waited for. */
  pause: () => void;
  /** No further waiting; to be called in any case. */
  end: () => void;
  is_over: () => boolean;
}

/** A time limit that the client's going away cuts short. */
export function patience(limitMs: number, client: AbortSignal): Patience {
  const controller = new AbortController();
  let isOver = false;
  const giveUp = () => {
    isOver = true;
    controller.abort();
  };
  const leave = () => controller.abort();
  let timer = setTimeout(giveUp, limitMs);
  client.addEventListener("abort", leave);
  if (client.aborted) leave();
  return {
    signal: controller.signal,
    renew: () => {
      clearTimeout(timer);
      timer = setTimeout(giveUp, limitMs);
    },
    pause: () => clearTimeout(timer),
    end: () => {
      clearTimeout(timer);
      client.removeEventListener("abort", leave);
    },
    is_over: () => isOver,
  };
}
