/**
 * States that are kept as they were beside their checkpoints, so that going back to one is waking it: the last few of
 * each session, and so many of the whole server. Each costs memory and nothing else is lost with it, so that they are
 * given up whenever somebody needs the room.
 */
import type { IWarmState } from '../types/engine.js';
import type { Disposable, ILog } from '../types/ports.js';
import type { IWarmStates } from '../types/session.js';

/** All of the server, those that were made first at the front. */
export class WarmShelf {
  private readonly all = new Map<IWarmState, () => void>();

  constructor(private readonly total: number) {}

  /** @param giveUp called when there are too many */
  add(state: IWarmState, giveUp: () => void): void {
    this.all.set(state, giveUp);
    for (const [oldest, giveUpOldest] of this.all) {
      if (this.all.size <= this.total) return;
      this.all.delete(oldest);
      giveUpOldest();
    }
  }

  remove(state: IWarmState): void {
    this.all.delete(state);
  }
}

/** Those of one session, by checkpoint. */
export class WarmStates implements IWarmStates, Disposable {
  private readonly states = new Map<string, IWarmState>();
  private readonly ending = new Set<Promise<void>>();
  private closed = false;

  /** @param limit how many are kept; 0 = none */
  constructor(
    private readonly limit: number,
    private readonly shelf: WarmShelf,
    private readonly log: ILog,
  ) {}

  get count(): number {
    return this.states.size;
  }

  /** False while nothing is to be kept. */
  get isOpen(): boolean {
    return this.limit > 0 && !this.closed;
  }

  /** Takes the state over; the one that was kept longest may have to go for it. */
  add(checkpointId: string, state: IWarmState): void {
    if (!this.isOpen) {
      this.end(state);
      return;
    }
    this.states.set(checkpointId, state);
    const giveUp = () => this.drop(checkpointId, state);
    void state.gone.then(giveUp);
    this.shelf.add(state, giveUp);
    const [oldest] = this.states;
    if (oldest && this.states.size > this.limit) this.drop(...oldest);
  }

  /** Whoever takes it wakes it or disposes it. */
  take(checkpointId: string): IWarmState | null {
    const state = this.states.get(checkpointId) ?? null;
    this.states.delete(checkpointId);
    if (state) this.shelf.remove(state);
    return state;
  }

  /** Gives up all. Resolves when they are gone, those that were given up before too. */
  async clear(): Promise<void> {
    for (const [checkpointId, state] of this.states) this.drop(checkpointId, state);
    await Promise.all(this.ending);
  }

  /** From now on nothing is kept. */
  dispose(): Promise<void> {
    this.closed = true;
    return this.clear();
  }

  /** Gives up a state, also one that is not kept here; `clear` waits for it. */
  end(state: IWarmState): void {
    const ending = Promise.resolve(state.dispose())
      .catch((error: unknown) => this.log.error({ err: error }, 'a state that was kept warm did not end'))
      .finally(() => this.ending.delete(ending));
    this.ending.add(ending);
  }

  private drop(checkpointId: string, state: IWarmState): void {
    if (this.states.get(checkpointId) !== state) return;
    this.take(checkpointId);
    this.end(state);
  }
}
