/** Brings sessions back from the store: once, however many ask at the same time. */
import type { KeyedTurns } from '../core/keyed-turns.js';
import { errors, SojournError } from '../types/errors.js';
import type { ISessionInstance, ISessionPool, SessionRecord } from '../types/session.js';
import type { ISessionStore } from '../types/store.js';

export interface WakingServices {
  readonly store: ISessionStore;
  readonly pool: ISessionPool;
}

export class SessionWaking {
  private readonly waking = new Map<string, Promise<ISessionInstance>>();

  /**
   * @param changing creating, waking and deleting one id happen one after another
   * @param make puts the stored session into the pool
   */
  constructor(
    private readonly services: WakingServices,
    private readonly changing: KeyedTurns,
    private readonly make: (record: SessionRecord) => ISessionInstance,
  ) {}

  /** @throws session_not_found · storage_error for a session that was set aside */
  wake(id: string): Promise<ISessionInstance> {
    const under = this.waking.get(id);
    if (under) return under;
    // In line with creating and deleting: a session that is being deleted is not woken beside it.
    const waking = this.changing.run(id, () => this.wakeNow(id)).finally(() => this.waking.delete(id));
    this.waking.set(id, waking);
    return waking;
  }

  pending(): Promise<unknown>[] {
    return [...this.waking.values()];
  }

  private async wakeNow(id: string): Promise<ISessionInstance> {
    const live = this.services.pool.get(id);
    if (live) return live;
    const record = await this.services.store.getSession(id);
    if (!record) throw errors.sessionNotFound(id);
    if (record.failure) {
      const detail = `Session '${id}' was set aside: ${record.failure.detail} Once mended, restart it with preserve_state.`;
      throw new SojournError('storage_error', detail, { session_id: id, damaged: true });
    }
    return this.make(record);
  }
}
