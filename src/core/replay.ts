/** Running an input of the journal again: nobody sees what it shows; what it asks for is answered as it was then. */
import type { EngineDefinition, IEngine } from '../types/engine.js';
import { isSojournError } from '../types/errors.js';
import type { IClock } from '../types/ports.js';
import type { ReplayInput } from './recovery.js';
import { runInEngine } from './run.js';

/** False when it was stopped, or killed the engine: its effect is not what it was. */
export async function replayInput(
  engine: IEngine,
  input: ReplayInput,
  controller: AbortController,
  { definition, clock }: { definition: EngineDefinition; clock: IClock },
): Promise<boolean> {
  const replies = [...input.replies];
  const requestInput = () => Promise.resolve(replies.shift() ?? null);
  const quiet = { emit: () => undefined, replay: true, requestInput };
  const timeoutMs = input.durationMs * 20 + 10_000;
  const request = { ...input, ...quiet, inputSeq: input.seq, controller, timeoutMs };
  const outcome = await runInEngine(engine, definition, request, clock);
  const stopped = controller.signal.aborted || outcome.execute?.interrupt !== undefined;
  return !stopped && !isSojournError(outcome.failure, 'kernel_died');
}
