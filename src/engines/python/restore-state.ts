/** Gives a fresh kernel the parts of a checkpoint and lets it put them together, within a time. */
import type { CheckpointSource } from '../../types/engine.js';
import { SojournError } from '../../types/errors.js';
import type { IClock } from '../../types/ports.js';
import type { KernelLink } from './kernel-link.js';
import { manifestPartsSchema } from './protocol.js';

const restoreLimitMs = 60_000;

/** The kernel's own answer. A kernel that takes too long is killed. @throws timeout · storage_error from the source */
export async function restoreState(
  link: KernelLink,
  source: CheckpointSource,
  clock: IClock,
): Promise<unknown> {
  const { groups = [] } = manifestPartsSchema.parse(source.manifest);
  const wanted = new Set(groups.map((group) => group.part));
  wanted.add('random');
  for (const { name } of source.parts) {
    // Sources of cells come in blocks.
    if (wanted.has(name) || name.split(':')[0] === 'cells')
      await link.request('part', { name }, { tail: await source.read(name) });
  }
  const timer = clock.setTimer(restoreLimitMs, () => {
    link.abandon(new SojournError('timeout', `The state was not back after ${restoreLimitMs / 1000} s.`));
    link.kill();
  });
  try {
    return await link.request('restore', { manifest: source.manifest });
  } finally {
    timer.cancel();
  }
}
