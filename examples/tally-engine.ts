/** A session kind in a few lines: adds up numbers. Compiled, and named under `plugins`, it is a kind like any other. */
import { z } from 'zod';
import { defineEngine } from '../src/types/engine.js';
import type { CheckpointSource, ExecuteOutcome, IEngine, RunContext } from '../src/types/engine.js';
import { errors } from '../src/types/errors.js';

class TallyEngine implements IEngine {
  private closed = false;

  constructor(private total: number) {}

  execute({ code }: { code: string }, run: RunContext): Promise<ExecuteOutcome> {
    return this.whenOpen(() => {
      if (run.signal.aborted) return { status: 'interrupted' };
      const error = { name: 'NotANumber', message: code, traceback: '' };
      if (Number.isNaN(Number(code))) return { status: 'error', error };
      this.total += Number(code);
      run.emit({ type: 'execute_result', data: { 'text/plain': String(this.total) } });
      return { status: 'ok' };
    });
  }

  capture() {
    return this.whenOpen(() => {
      const manifest = { total: this.total };
      return { write: () => Promise.resolve({ manifest }), dispose: () => undefined };
    });
  }

  restore({ manifest }: CheckpointSource) {
    return this.whenOpen(() => {
      this.total = z.object({ total: z.number().default(0) }).parse(manifest).total;
      return { not_kept: [] };
    });
  }

  clear() {
    return this.whenOpen(() => void (this.total = 0));
  }

  dispose() {
    this.closed = true;
  }

  private whenOpen<T>(work: () => T): Promise<T> {
    return this.closed ? Promise.reject(errors.closed('The tally')) : Promise.resolve(work());
  }
}

export default defineEngine({
  name: 'tally',
  apiVersion: 1,
  capabilities: { execute: true, replay: true, clear: true },
  isolation: 'none',
  options: z.strictObject({ start: z.number().default(0) }),
  create: ({ start }) => Promise.resolve(new TallyEngine(start)),
});
