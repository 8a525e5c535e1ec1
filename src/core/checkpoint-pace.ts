/** When the policy of a session wants a checkpoint after a write. */
import type { IConfig } from '../types/config.js';
import type { CheckpointPolicy } from '../types/checkpoint-policy.js';
import type { EngineDefinition } from '../types/engine.js';
import type { IClock } from '../types/ports.js';
import type { SessionRecord } from '../types/session.js';

/** With `auto` a checkpoint is followed by so many times its own duration without one. */
const restFactor = 9;

export class CheckpointPace {
  /** On the monotonic clock. */
  private restsUntil = -Infinity;

  constructor(
    private readonly clock: Pick<IClock, 'monotonic'>,
    private readonly policy: () => CheckpointPolicy,
  ) {}

  /** @param writes since the last checkpoint. `now`: before the write is answered; `soon`: before the next one runs. */
  after(writes: number): 'now' | 'soon' | null {
    const { every_writes: every } = this.policy();
    if (every === 'auto') return this.clock.monotonic() < this.restsUntil ? null : 'soon';
    return every > 0 && writes >= every ? 'now' : null;
  }

  get beforeEffects(): boolean {
    return this.policy().before_effects;
  }

  took(durationMs: number): void {
    this.restsUntil = this.clock.monotonic() + durationMs * restFactor;
  }
}

/** What the session was made with, else what the configuration says of its kind, else of all. */
export function policyOf(
  record: Pick<SessionRecord, 'checkpoint_policy'>,
  { name, capabilities }: Pick<EngineDefinition, 'name' | 'capabilities'>,
  { every_writes, before_effects, kinds }: IConfig['checkpoint'],
): CheckpointPolicy {
  // Its engine keeps every version by itself.
  const common = { every_writes: capabilities.versions === true ? 0 : every_writes, before_effects };
  return { ...common, ...kinds[name], ...record.checkpoint_policy };
}
