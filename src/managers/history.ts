/** Executions as a history: read from the end of the journal backwards, as far as needed. */
import { z } from 'zod';
import { ExecutionOutput } from '../core/execution-output.js';
import { executionErrorSchema } from '../types/events.js';
import type { SessionEvent } from '../types/events.js';
import type { EventPage } from '../types/session.js';

export const historyEntrySchema = z.object({
  seq: z.number().int(),
  code: z.string(),
  status: z.enum(['ok', 'error', 'timeout', 'interrupted', 'running']),
  at: z.string(),
  duration_ms: z.number().nullable(),
  /** At most 10,000 characters, head and tail; `get_execution` has more, the events have all. */
  output: z.string(),
  error: executionErrorSchema.nullable(),
});
export type HistoryEntry = z.infer<typeof historyEntrySchema>;

const pageSize = 1000;
const outputLimit = 10_000;

export async function readHistory(
  read: (from: number, count: number) => Promise<EventPage>,
  headSeq: number,
  limit: number,
): Promise<HistoryEntry[]> {
  let events: SessionEvent[] = [];
  let from = headSeq + 1;
  let inputs = 0;
  while (from > 0 && inputs < limit) {
    const start = Math.max(0, from - pageSize);
    const { events: page } = await read(start, from - start);
    inputs += page.filter(isExecution).length;
    events = [...page, ...events];
    from = start;
  }
  return assemble(events).slice(-limit);
}

const isExecution = (event: SessionEvent) => event.type === 'input' && event.operation === 'execute';

function assemble(events: readonly SessionEvent[]): HistoryEntry[] {
  const entries = new Map<number, { entry: HistoryEntry; output: ExecutionOutput }>();
  for (const event of events) {
    if (event.type === 'input' && event.operation === 'execute') {
      const output = new ExecutionOutput(outputLimit, event.seq);
      const entry: HistoryEntry = {
        seq: event.seq,
        code: String(event.params.code),
        status: 'running',
        at: event.at,
        duration_ms: null,
        output: '',
        error: null,
      };
      entries.set(event.seq, { entry, output });
    }
    const found =
      'input_seq' in event && event.input_seq !== undefined ? entries.get(event.input_seq) : undefined;
    found?.output.add(event);
    if (found && event.type === 'result') {
      const { status, duration_ms, error } = event;
      Object.assign(found.entry, { status, duration_ms, error: error ?? null });
    }
  }
  return [...entries.values()].map(({ entry, output }) => ({ ...entry, output: output.toResult().output }));
}
