/** A session kind in a few lines: adds up numbers. Use it with `plugins: ['./examples/tally-engine.ts']`. */
import { z } from 'zod';
import { defineEngine } from '../src/types/engine.js';
import type { CheckpointSource, ExecuteRequest, IEngine, RunContext } from '../src/types/engine.js';
import { errors } from '../src/types/errors.js';

class TallyEngine implements IEngine {
  private closed = false;

  constructor(private total: number) {}

  async execute({ code }: ExecuteRequest, { signal, emit }: RunContext) {
    this.assertOpen();
    if (signal.aborted) return { status: 'interrupted' as const };
    const error = { name: 'NotANumber', message: code, traceback: '' };
    if (Number.isNaN(Number(code))) return { status: 'error' as const, error };
    this.total += Number(code);
    emit({ type: 'execute_result', data: { 'text/plain': String(this.total) } });
    return { status: 'ok' as const };
  }

  async capture() {
    this.assertOpen();
    const manifest = { total: this.total };
    return { write: () => Promise.resolve({ manifest }), dispose: () => undefined };
  }

  async restore({ manifest }: CheckpointSource) {
    this.assertOpen();
    this.total = z.object({ total: z.number().default(0) }).parse(manifest).total;
    return { not_kept: [] };
  }

  async clear() {
    this.assertOpen();
    this.total = 0;
  }

  dispose() {
    this.closed = true;
  }

  private assertOpen() {
    if (this.closed) throw errors.closed('The tally');
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
