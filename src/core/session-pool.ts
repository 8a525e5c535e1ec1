/** The live sessions in order of use: a Map keeps insertion order, so touching is deleting and adding again. */
import type { ISessionInstance, ISessionPool, SessionMetadata } from '../types/session.js';

export class SessionPool implements ISessionPool {
  private readonly sessions = new Map<string, ISessionInstance>();

  get(id: string): ISessionInstance | undefined {
    const found = this.sessions.get(id);
    if (found) this.add(id, found);
    return found;
  }

  peek(id: string): ISessionInstance | undefined {
    return this.sessions.get(id);
  }

  add(id: string, instance: ISessionInstance): void {
    this.sessions.delete(id);
    this.sessions.set(id, instance);
  }

  remove(id: string): boolean {
    return this.sessions.delete(id);
  }

  getAll(): ISessionInstance[] {
    return [...this.sessions.values()];
  }

  getAllMetadata(): SessionMetadata[] {
    return this.getAll().map((session) => session.getMetadata());
  }

  getDirty(): ISessionInstance[] {
    return this.getAll().filter((session) => session.isDirty());
  }

  clear(): void {
    this.sessions.clear();
  }

  size(): number {
    return this.sessions.size;
  }

  peekLRU(except?: ReadonlySet<string>): string | undefined {
    for (const [id, session] of this.sessions) {
      if (except?.has(id) !== true && session.getState().status === 'idle') return id;
    }
    return undefined;
  }
}
