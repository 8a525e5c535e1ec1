/** Which dialects a server speaks, and what they are told of the machine. */
import { totalmem } from 'node:os';
import { LynguineDialect } from './api/dialects/lynguine/dialect.js';
import type { IConfig } from './types/config.js';
import type { Dialect } from './types/dialect.js';
import type { IClock, IIds } from './types/ports.js';

export function createDialects(config: IConfig, clock: IClock, ids: IIds): readonly Dialect[] {
  const machine = { totalMemoryBytes: totalmem(), cpuSeconds };
  return [new LynguineDialect({ clock, ids, machine, idleTimeoutS: config.idle_timeout_s })];
}

/** Of this process, in all its threads. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
