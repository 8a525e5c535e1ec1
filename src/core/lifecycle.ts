/**
 * Ownership: a stack of disposables that is taken down last in, first out, and an emitter whose listeners cannot
 * harm each other or the one who emits.
 */
import type { Disposable, ILog } from '../types/ports.js';

/** Disposes what was added, newest first; goes on when one fails and throws all failures together. */
export class DisposableStack implements Disposable {
  private items: Disposable[] = [];

  use<T extends Disposable>(item: T): T {
    this.items.push(item);
    return item;
  }

  async dispose(): Promise<void> {
    const failures: unknown[] = [];
    for (let item = this.items.pop(); item; item = this.items.pop()) {
      try {
        await item.dispose();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'some parts could not be closed');
  }
}

/** Listeners by topic. A listener may subscribe, unsubscribe or emit while it is called. */
export class TopicEmitter<T> {
  private readonly topics = new Map<string, Set<(value: T) => void>>();

  constructor(private readonly log: ILog) {}

  on(topic: string, listener: (value: T) => void): Disposable {
    const listeners = this.topics.get(topic) ?? new Set();
    // A wrapper of its own, so that one function may listen twice.
    const entry = (value: T) => listener(value);
    listeners.add(entry);
    this.topics.set(topic, listeners);
    return {
      dispose: () => {
        listeners.delete(entry);
        if (listeners.size === 0 && this.topics.get(topic) === listeners) this.topics.delete(topic);
      },
    };
  }

  emit(topic: string, value: T): void {
    const listeners = this.topics.get(topic);
    if (!listeners) return;
    for (const listener of [...listeners]) {
      if (!listeners.has(listener)) continue;
      try {
        listener(value);
      } catch (error) {
        this.log.error({ err: error }, 'a listener threw');
      }
    }
  }
}
