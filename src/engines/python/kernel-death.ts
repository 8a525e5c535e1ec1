/** Puts the end of a kernel into one sentence, with the facts beside it. */
import type { EngineDeath } from '../../types/engine.js';
import type { Rung } from './interrupt-ladder.js';
import type { KernelEnd } from './kernel-link.js';

export function describeDeath(
  end: KernelEnd,
  rung: Rung | null,
  outOfMemory: boolean,
  memoryBytes: number,
): EngineDeath {
  const fields: Record<string, unknown> = { exit_code: end.code, signal: end.signal };
  if (rung !== null) fields.rung = rung;
  if (end.fault !== null) fields.fault = end.fault;
  if (memoryBytes > 0) fields.memory_bytes = memoryBytes;
  return {
    cause: outOfMemory ? 'out_of_memory' : 'kernel_died',
    detail: sentence(end, rung, outOfMemory),
    fields,
  };
}

function sentence(end: KernelEnd, rung: Rung | null, outOfMemory: boolean): string {
  if (outOfMemory) return 'The kernel was killed because the machine ran out of memory.';
  if (end.fault !== null) return `The kernel broke the protocol (${end.fault}) and was ended.`;
  if (rung === 'terminate' || rung === 'kill') {
    return `The run did not stop when it was interrupted, so the kernel was ended (${rung}).`;
  }
  if (end.signal === 'SIGXCPU') return 'The kernel had used up its processor time (python.cpu_s).';
  if (end.signal !== null) return `The kernel was killed by ${end.signal}.`;
  return `The kernel ended with exit code ${end.code}.`;
}
