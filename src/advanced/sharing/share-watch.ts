/** Who uses shares at present, and when that ends: whoever holds a connection for them is told. */
import { TopicEmitter } from '../../core/lifecycle.js';
import type { Disposable, IClock, ILog, Timer } from '../../types/ports.js';
import type { EndedAccess } from '../../types/sharing.js';

interface User {
  readonly session_id: string;
  timer: Timer | null;
}

/** Timers of the system have a limit. */
const longestMs = 24 * 3600 * 1000;

export class ShareWatch implements Disposable {
  private readonly users = new Map<string, User>();
  private readonly endings: TopicEmitter<EndedAccess>;

  constructor(
    private readonly clock: IClock,
    log: ILog,
  ) {
    this.endings = new TopicEmitter(log);
  }

  on(listener: (ended: EndedAccess) => void): Disposable {
    return this.endings.on('', listener);
  }

  /** @param expiresAt in milliseconds since 1970; null: it does not expire */
  add(principal: string, session_id: string, expiresAt: number | null): void {
    if (this.users.has(principal)) return;
    const user: User = { session_id, timer: null };
    this.users.set(principal, user);
    if (expiresAt !== null) this.arm(principal, user, expiresAt);
  }

  end(principal: string): void {
    const user = this.users.get(principal);
    if (!user) return;
    user.timer?.cancel();
    this.users.delete(principal);
    this.endings.emit('', { principal, session_id: user.session_id });
  }

  endSession(session_id: string): void {
    for (const [principal, user] of [...this.users]) if (user.session_id === session_id) this.end(principal);
  }

  dispose(): void {
    for (const { timer } of this.users.values()) timer?.cancel();
    this.users.clear();
  }

  private arm(principal: string, user: User, expiresAt: number): void {
    const left = expiresAt - this.clock.now();
    user.timer = this.clock.setTimer(Math.min(Math.max(left, 0), longestMs), () => {
      if (this.clock.now() >= expiresAt) this.end(principal);
      else this.arm(principal, user, expiresAt);
    });
  }
}
